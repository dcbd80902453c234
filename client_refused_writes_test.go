package ohce_test

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestReportsAreCounted: an exchange, a stream and a stream with a shared socket count the same ICMP
// messages and attempts if writes report them.
func TestReportsAreCounted(t *testing.T) {
	exchange := func(t *testing.T, c *ohce.Client) error {
		_, err := c.Exchange(t.Context(), []byte("request 0"))
		return err
	}
	stream := func(t *testing.T, c *ohce.Client) (last error) {
		for _, err := range outcomes(c.Stream(t.Context(), numbered(1))) {
			last = err
		}
		return last
	}
	for _, tt := range []struct {
		name  string
		match *ohce.Matcher
		send  func(*testing.T, *ohce.Client) error
	}{
		{"exchange", nil, exchange},
		{"stream", nil, stream},
		{"shared socket", ohce.MatchExact(reversed), stream},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for reports := range 4 {
				synctest.Test(t, func(t *testing.T) {
					n := new(ohcetest.Network)
					n.NewPeer(peerAddr, reversed)
					c := &ohce.Client{Addr: peerAddr, Match: tt.match}
					c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
						conn, err := n.Dial(ctx, network, addr)
						return &reportingConn{Conn: conn, reports: reports}, err
					}
					defer c.Close()
					if err := tt.send(t, c); err != nil {
						t.Error(err)
					}
					st := c.Stats()
					if unsent := uint64(reports / 2); st.PortUnreachable != uint64(reports) ||
						st.Attempts != 1 || st.Unsent != unsent {
						t.Errorf("stats %v, want 1 attempt, %d unsent, port_unreachable %d", st,
							unsent, reports)
					}
				})
			}
		})
	}
}

// A reportingConn is a socket whose first writes report that an earlier datagram was refused.
type reportingConn struct {
	net.Conn
	reports int
}

func (c *reportingConn) Write(b []byte) (int, error) {
	if c.reports > 0 {
		c.reports--
		return 0, &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.ECONNREFUSED)}
	}
	return c.Conn.Write(b)
}
