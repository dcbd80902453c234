//go:build !ohce_portable

package udp

import (
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A timerFD is a Timer that uses a timerfd, registered with the runtime's poller.
type timerFD struct {
	file   *os.File
	closed atomic.Bool
}

// newTimer returns a timerFD or, if the system refuses a timerfd, a runtimeTimer.
func newTimer() Timer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return newRuntimeTimer()
	}
	return &timerFD{file: os.NewFile(uintptr(fd), "timerfd")}
}

func (t *timerFD) Set(d time.Duration) {
	rc, err := t.file.SyscallConn()
	if err != nil {
		return // closed
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))} // 0 would disarm the timer
	// timerfd_settime fails only for an invalid descriptor or time.
	_ = onDescriptor(rc, func(fd int) error { return unix.TimerfdSettime(fd, 0, &spec, nil) })
}

func (t *timerFD) Wait() error {
	var expirations [8]byte
	_, err := t.file.Read(expirations[:])
	if t.closed.Load() {
		return net.ErrClosed
	}
	return err
}

func (t *timerFD) Close() error {
	if t.closed.Swap(true) {
		return net.ErrClosed
	}
	return t.file.Close()
}
