//go:build !linux

package udp

func reportErrors(uintptr, bool) error { return unsupported() }
