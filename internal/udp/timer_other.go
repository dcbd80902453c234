//go:build !linux || ohce_portable

package udp

func newTimer() Timer { return newRuntimeTimer() }
