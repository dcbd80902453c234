//go:build priv && linux && !ohce_portable

package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ohce/ohce/internal/netns"
)

// TestPrivWriteWaitsForRoom sends through a link that is slower than the sender and a send buffer that
// is full at once: nothing is lost, and Close ends a Write that waits.
func TestPrivWriteWaitsForRoom(t *testing.T) {
	server, client := netns.Two(t)
	server.Exec(t, "tc", strings.Fields("qdisc add dev ohce0 root tbf rate 2mbit burst 4000 limit 1000000")...)
	var c Socket
	var cl *net.UDPConn
	server.Do(t, func() error {
		conns, _, err := Listen(context.Background(), "192.0.2.1:0", 1)
		if err != nil {
			return err
		}
		c = conns[0]
		return c.(*udpConn).control(func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<10)
		})
	})
	client.Do(t, func() (err error) {
		cl, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(c.LocalAddr()))
		return err
	})
	if t.Failed() {
		t.FailNow()
	}
	bounded(t, c)
	t.Cleanup(func() { cl.Close() })
	const n, size = 60, 1000 // a quarter of a second on this link
	out := slots(n, size)
	for i := range out {
		out[i].Buf = fmt.Appendf(out[i].Buf[:0], "%0*d", size, i)
		out[i].Peer = address(cl)
	}
	begun := time.Now()
	if sent, err := c.Write(out); sent != n || err != nil {
		t.Fatalf("Write = %d, %v, want all of %d", sent, err, n)
	}
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("Write took %v, so it did not wait", took)
	}
	cl.SetDeadline(time.Now().Add(patience))
	for i := range n {
		if got := receive(t, cl); got != string(out[i].Buf) {
			t.Fatalf("datagram %d is %.20q", i, got)
		}
	}

	written := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = c.Write(out)
		}
		written <- err
	}()
	for i := range n { // it writes for sure
		if got := receive(t, cl); got != string(out[i].Buf) {
			t.Fatalf("datagram %d is %.20q", i, got)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-written; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write while Close = %v, want net.ErrClosed", err)
	}
}
