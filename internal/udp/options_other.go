//go:build unix && !linux && !darwin && !freebsd

package udp

var options4, options6 optionNames // none is known to work

func bindInterface(uintptr, bool, string) error { return unsupported() }
