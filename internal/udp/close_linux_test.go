//go:build !ohce_portable

package udp

import (
	"errors"
	"net"
	"testing"
	"time"
)

// A closingFile closes the socket just before a Read after Drain removes the deadline.
type closingFile struct {
	file
	c *udpConn
}

func (f closingFile) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		f.c.Close()
	}
	return f.file.SetReadDeadline(t)
}

// TestReadClosedDuringDrain checks that a Read unblocked by Drain returns net.ErrClosed if the
// socket is closed before Read continues.
func TestReadClosedDuringDrain(t *testing.T) {
	for name, open := range map[string]func() *udpConn{
		"listened": func() *udpConn { return open4(t).(*udpConn) },
		"adopted": func() *udpConn {
			pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			return newConn(t, pc).(*udpConn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := open()
			d := *c.desc.Load()
			d.file = closingFile{d.file, c}
			c.desc.Store(&d)
			if err := c.Drain(); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(makeMessages(1, 16)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read returned %v, want net.ErrClosed", err)
			}
		})
	}
}
