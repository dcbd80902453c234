package udp

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// readLentN reads until n datagrams have come, and gives back what it borrowed.
func readLentN(t *testing.T, c Conn, l *Lender, n int) (got []string) {
	t.Helper()
	bounded(t, c)
	for len(got) < n {
		ms, err := c.ReadLent(l)
		if err != nil {
			t.Fatal(err)
		}
		got = appendContents(got, ms)
		l.Return(ms)
	}
	return got
}

func TestReadLent(t *testing.T) {
	eachAsked(t, func(t *testing.T, c Conn, to netip.AddrPort) {
		var l Lender
		from := client(t, to)
		for round := range 3 {
			sendNumbers(t, from, 100*round, 100*round+100)
			if got := readLentN(t, c, &l, 100); !slices.Equal(got, numbers(100*round, 100*round+100)) {
				t.Fatalf("got %q", got)
			}
		}
		if n := len(l.free); n != 1 {
			t.Errorf("%d sets of buffers were made for one reader", n)
		}
	})
}

// TestReadLentEnds: who waits is told of Close, and has borrowed nothing then.
func TestReadLentEnds(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(Conn) error
	}{{"close", Conn.Close}, {"drain", Conn.Drain}} {
		t.Run(end.name, func(t *testing.T) {
			var l Lender
			c := open4(t)
			bounded(t, c)
			ended := make(chan error)
			go func() {
				_, err := c.ReadLent(&l)
				ended <- err
			}()
			if err := end.do(c); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("ReadLent gave %v", err)
			}
		})
	}
}

// TestReadLentTellsRefusal: the network's word comes as with Read.
func TestReadLentTellsRefusal(t *testing.T) {
	dead := open4(t)
	addr := dead.LocalAddr()
	dead.Close()
	socket, err := Dial(t.Context(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	bounded(t, c)
	if _, err := c.Write([]Message{{Buf: []byte("anybody?")}}); err != nil {
		t.Fatal(err)
	}
	var l Lender
	if _, err := c.ReadLent(&l); !Refused(err) {
		t.Errorf("ReadLent gave %v", err)
	}
}
