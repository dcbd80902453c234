package handover

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"
)

// Watchdog sends WATCHDOG=1 to systemd in intervals of half of WATCHDOG_USEC, until ctx is done. It
// calls healthy before each message and sends none if the result is false. If healthy is nil, it
// sends all. If the watchdog is not enabled for this process, Watchdog returns nil immediately. An
// error means that WATCHDOG_USEC or WATCHDOG_PID is malformed. Watchdog ignores errors of sending,
// because systemd notices missing messages.
func Watchdog(ctx context.Context, healthy func() bool) error {
	interval, err := watchdogInterval(os.Getenv, os.Getpid())
	if err != nil || interval == 0 {
		return err
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if healthy == nil || healthy() {
			_ = Notify("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// watchdogInterval returns the time between two messages of the process pid, or 0 if the watchdog
// is not enabled for it.
func watchdogInterval(get func(string) string, pid int) (time.Duration, error) {
	usec := get("WATCHDOG_USEC")
	if usec == "" {
		return 0, nil
	}
	n, err := parseNumber(usec)
	if err != nil || n < 2 || n > math.MaxInt64/int64(time.Microsecond) {
		return 0, fmt.Errorf("handover: WATCHDOG_USEC is %q, want a number of microseconds", usec)
	}
	if of := get("WATCHDOG_PID"); of != "" {
		owner, err := parseNumber(of)
		if err != nil {
			return 0, fmt.Errorf("handover: WATCHDOG_PID is %q, which is not a process", of)
		}
		if owner != int64(pid) {
			return 0, nil
		}
	}
	return time.Duration(n) * time.Microsecond / 2, nil
}
