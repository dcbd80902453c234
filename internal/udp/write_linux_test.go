//go:build !ohce_portable

package udp

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWriteDemotesOffload checks that a socket sends no more segments after the kernel has refused
// them. Other errors, and errors of single datagrams, have no effect on segments.
func TestWriteDemotesOffload(t *testing.T) {
	needOffload(t)
	for _, tt := range []struct {
		name    string
		segment int
		err     unix.Errno
		want    bool // segments can be sent afterwards
	}{
		{"device", 100, unix.EIO, false},
		{"path", 100, unix.EINVAL, false},
		{"peer", 100, unix.EPERM, true},
		{"one datagram", 0, unix.EIO, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open4(t)
			c := s.(*udpConn)
			c.send.call = func(uintptr) bool { // in place of the system call
				c.send.err = tt.err
				return true
			}
			m := Message{Buf: make([]byte, 300), Segment: tt.segment, Peer: s.LocalAddr()}
			if n, err := s.Write([]Message{m}); n != 0 || !errors.Is(err, tt.err) {
				t.Errorf("Write = %d, %v, want 0 and %v", n, err, tt.err)
			}
			if got := s.MaxSegments(100); (got > 1) != tt.want {
				t.Errorf("MaxSegments(100) = %d afterwards, want segments: %v", got, tt.want)
			}
		})
	}
}
