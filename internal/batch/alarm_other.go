//go:build !linux || ohce_portable

package batch

func newAlarm() Alarm { return newTimerAlarm() }
