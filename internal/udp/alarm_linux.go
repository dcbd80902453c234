//go:build !ohce_portable

package udp

import (
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A fdAlarm is an Alarm on a timerfd, which the runtime's poller watches.
type fdAlarm struct {
	file   *os.File
	fd     int
	closed atomic.Bool
}

// newAlarm is an Alarm on a timerfd, or where there is none on a timer.
func newAlarm() Alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return newTimerAlarm()
	}
	return &fdAlarm{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
}

func (a *fdAlarm) Set(d time.Duration) {
	rc, err := a.file.SyscallConn()
	if err != nil {
		return // closed
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))} // 0 would disarm it
	// The descriptor and the time are good, and nothing else can be wrong.
	_ = onDescriptor(rc, func(fd int) error { return unix.TimerfdSettime(fd, 0, &spec, nil) })
}

func (a *fdAlarm) Wait() error {
	var expirations [8]byte
	_, err := a.file.Read(expirations[:])
	if a.closed.Load() {
		return net.ErrClosed
	}
	return err
}

func (a *fdAlarm) Close() error {
	if a.closed.Swap(true) {
		return net.ErrClosed
	}
	return a.file.Close()
}
