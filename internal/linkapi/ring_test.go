package linkapi

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/ohce/ohce/ohcetest"
)

// freeAddr returns a loopback address that no socket is bound to.
func freeAddr(t *testing.T) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// TestRings creates chains of links, and then a link that would close a ring.
func TestRings(t *testing.T) {
	a := newAPI(t)
	create := func(name, listen, to string) error {
		_, err := a.client.Create(t.Context(), Spec{Name: name, Listen: listen, To: to})
		return err
	}
	one, two, three := freeAddr(t), freeAddr(t), freeAddr(t)
	_, port, _ := net.SplitHostPort(three)
	if err := create("one", one, two); err != nil {
		t.Fatal(err)
	}
	if err := create("two", "0.0.0.0:"+portOf(t, two), "127.0.0.1:"+port); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		listen, to string
		status     int
		says       string
	}{
		{three, three, 409, "the link would forward to itself: " + three + " is its own address"},
		{"0.0.0.0:" + port, three, 409, "the link would forward to itself: " + three + " is its own address"},
		{"0.0.0.0:" + port, two, 409, "the links would forward in a ring: three -> two -> three"},
		{"0.0.0.0:" + port, one, 409, "the links would forward in a ring: three -> one -> two -> three"},
	} {
		var e *Error
		err := create("three", tt.listen, tt.to)
		if !errors.As(err, &e) || e.Status != tt.status || e.Field != "to" || e.Message != tt.says ||
			e.Hint == "" {
			t.Errorf("listen on %s, forward to %s: %+v, want %d %q", tt.listen, tt.to, err, tt.status, tt.says)
		}
	}
	if err := create("outside", "", one); err != nil {
		t.Errorf("a link to a chain: %v", err)
	}
	if err := a.client.Remove(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if err := create("three", "0.0.0.0:"+port, one); err != nil {
		t.Errorf("the ring is open, but: %v", err)
	}
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestLinksShareAGroup checks that requests pass a chain of links of a manager.
func TestLinksShareAGroup(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	m := &Manager{}
	defer m.Close()
	last, err := m.Create(context.Background(), Spec{Name: "last", To: srv.Addr})
	if err != nil {
		t.Fatal(err)
	}
	first, err := m.Create(context.Background(), Spec{Name: "first", To: last.Listen})
	if err != nil {
		t.Fatal(err)
	}
	if m.links["first"].relay.Group != &m.group || m.links["last"].relay.Group != &m.group {
		t.Error("the links have different groups")
	}
	c, err := net.Dial("udp", first.Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 100)
	if _, err := c.Write([]byte("Hello")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "Hello" {
		t.Errorf("the response is %q, %v", buf[:n], err)
	}
}
