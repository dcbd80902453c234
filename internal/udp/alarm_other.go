//go:build !linux || ohce_portable

package udp

func newAlarm() Alarm { return newTimerAlarm() }
