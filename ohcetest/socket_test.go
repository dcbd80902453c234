package ohcetest_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/ohcetest"
)

const serverAddr = "192.0.2.9:3000"

func listen(t *testing.T, n *ohcetest.Network, addr string) *ohcetest.Conn {
	t.Helper()
	pc, err := n.ListenPacket(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc.(*ohcetest.Conn)
}

func dial(t *testing.T, n *ohcetest.Network, addr string) *ohcetest.Conn {
	t.Helper()
	c, err := n.Dial(context.Background(), "udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*ohcetest.Conn)
}

func addrOf(c net.Conn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func send(t *testing.T, c net.Conn, data string) {
	t.Helper()
	if n, err := c.Write([]byte(data)); n != len(data) || err != nil {
		t.Fatalf("Write(%q) = %d, %v", data, n, err)
	}
}

// want reads one datagram and ends the test unless it is data.
func want(t *testing.T, c net.Conn, data string) {
	t.Helper()
	buf := make([]byte, 1<<16)
	n, err := c.Read(buf)
	if string(buf[:n]) != data || err != nil {
		t.Fatalf("Read returned %q, %v, want %q", buf[:n], err, data)
	}
}

// wantAll reads datagrams until none arrives for a minute of the bubble's time. It reports an error
// unless they are data.
func wantAll(t *testing.T, c *ohcetest.Conn, data ...string) {
	t.Helper()
	for _, d := range data {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		want(t, c, d)
	}
	c.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 1<<16)
	if n, err := c.Read(buf); err == nil {
		t.Errorf("unexpected datagram %q", buf[:n])
	}
	c.SetReadDeadline(time.Time{})
}

// stats waits until every datagram that is due has arrived, and returns the counts. It must be
// called in a bubble.
func stats(n *ohcetest.Network) ohcetest.NetworkStats {
	synctest.Wait()
	return n.Stats()
}
