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

// TestPrivWriteLimitsWait fills the send buffer through a link that is slower than the sender. An
// unconnected socket must wait briefly and report EAGAIN for the rest. A connected socket must wait
// for the link, and Close must unblock its Write.
func TestPrivWriteLimitsWait(t *testing.T) {
	const n, size = 60, 1000 // the link takes 240 ms for them
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
			t.Errorf("unsent with error %v, want EAGAIN", err)
		}
	})
	if took := time.Since(begun); took > 100*time.Millisecond {
		t.Errorf("unconnected socket waited for %v, want at most 100ms", took)
	}
	if sent == 0 || unsent == 0 || sent+unsent != n {
		t.Errorf("%d sent and %d unsent, want both above 0 and %d in total", sent, unsent, n)
	}
	for got := 0; got < sent; { // until the link is idle
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
		t.Errorf("connected socket sent %d of %d", sent, n/3)
	}
	if took := time.Since(begun); took < 20*time.Millisecond {
		t.Errorf("connected socket took %v, want at least 20ms, because it waits for the link", took)
	}
	written := make(chan error, 1)
	go func() {
		var err error
		for !errors.Is(err, net.ErrClosed) {
			_, err = conn.Write(out)
		}
		written <- err
	}()
	readN(t, cl, n/3+1) // now the goroutine is writing
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	<-written // limited by the timeout of the tests
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
