//go:build !linux || ohce_portable

package relay_test

var wildcardAddrs = []string{"127.0.0.1"}
