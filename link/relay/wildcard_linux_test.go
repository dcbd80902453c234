//go:build !ohce_portable

package relay_test

var wildcardAddrs = []string{"127.0.0.1", "127.0.0.2"}
