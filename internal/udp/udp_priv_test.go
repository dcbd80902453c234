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

// TestPrivWriteLimitsWait sends through a link that is slower than the sender, with a send
// buffer that is full at once: an unconnected socket waits a little and reports EAGAIN for the
// rest, a connected one waits for the link. Close ends a Write that waits.
func TestPrivWriteLimitsWait(t *testing.T) {
	const n, size = 60, 1000 // a quarter of a second on this link
	server, client := netns.Two(t)
	server.Exec(t, "tc", strings.Fields("qdisc add dev ohce0 root tbf rate 2mbit burst 4000 limit 1000000")...)
	cl := listenIn(t, client, "192.0.2.2:0")
	smallBuffer := func(c Socket) error {
		return c.(*udpConn).control(func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<10)
		})
	}
	out := makeMessages(n, size)
	for i := range out {
		out[i].Buf = fmt.Appendf(out[i].Buf[:0], "%0*d", size, i)
		out[i].Peer = cl.LocalAddr()
	}

	c := listenIn(t, server, "192.0.2.1:0")
	if err := smallBuffer(c); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	unsent := 0
	sent, _ := SendAll(c, out, func(_, _ int, err error) {
		if unsent++; Name(err) != "EAGAIN" || !Transient(err) {
			t.Errorf("unsent for %v, want EAGAIN", err)
		}
	})
	if took := time.Since(begun); took > 100*time.Millisecond {
		t.Errorf("an unconnected socket waited for %v", took)
	}
	if sent == 0 || unsent == 0 || sent+unsent != n {
		t.Errorf("%d sent and %d unsent, want some each, and %d together", sent, unsent, n)
	}
	for got := 0; got < sent; { // the link is quiet again
		got += len(readN(t, cl, 1))
	}

	var conn Socket
	server.Do(t, func() error {
		socket, err := Dial(context.Background(), cl.LocalAddr().String())
		if err != nil {
			return err
		}
		conn, err = Connect(socket)
		return err
	})
	if t.Failed() {
		t.FailNow()
	}
	closeInTime(t, conn)
	if err := smallBuffer(conn); err != nil {
		t.Fatal(err)
	}
	begun = time.Now()
	if sent, _ := SendAll(conn, out[:n/3], func(_, _ int, err error) { t.Error(err) }); sent != n/3 {
		t.Errorf("a connected socket sent %d of %d", sent, n/3)
	}
	if took := time.Since(begun); took < 20*time.Millisecond {
		t.Errorf("a connected socket took %v, so it did not wait for the link", took)
	}
	written := make(chan error, 1)
	go func() {
		var err error
		for !errors.Is(err, net.ErrClosed) {
			_, err = conn.Write(out)
		}
		written <- err
	}()
	readN(t, cl, n/3+1) // it writes for sure
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	<-written // closeInTime by the deadline of the tests
}

func listenIn(t *testing.T, h netns.Host, addr string) (c Socket) {
	t.Helper()
	h.Do(t, func() error {
		conns, _, err := Listen(context.Background(), addr, 1)
		if err == nil {
			c = conns[0]
		}
		return err
	})
	if c == nil {
		t.FailNow()
	}
	closeInTime(t, c)
	return c
}
