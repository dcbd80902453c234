package ohce_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

var errRead = errors.New("input/output error")

// TestFailedReadIsAnExchange: if a socket fails after the request has been sent, the operation that failed
// is the exchange.
func TestFailedReadIsAnExchange(t *testing.T) {
	for name, match := range map[string]*ohce.Matcher{
		"shared socket": ohce.MatchExact(upper), "a socket each": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := new(ohcetest.Network)
				n.NewPeer(peerAddr, upper, ohcetest.Lose())
				c := &ohce.Client{Addr: peerAddr, Match: match}
				c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := n.Dial(ctx, network, addr)
					return &failingConn{Conn: conn, written: make(chan struct{})}, err
				}
				defer c.Close()
				for _, err := range outcomes(c.Stream(t.Context(), numbered(1))) {
					var op *ohce.OpError
					if !errors.As(err, &op) || op.Op != "exchange" || op.Attempts != 1 ||
						!errors.Is(err, errRead) {
						t.Errorf("%v, want an exchange with 1 attempt and %v", err, errRead)
					}
				}
			})
		})
	}
}

// TestGroupPassesOverAFailedSocket: another server answers a request whose socket fails.
func TestGroupPassesOverAFailedSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		n.NewPeer(peerAddr, upper, ohcetest.Lose())
		n.NewPeer("10.0.0.2:3000", upper)
		failing := &ohce.Client{Addr: peerAddr}
		failing.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := n.Dial(ctx, network, addr)
			return &failingConn{Conn: conn, written: make(chan struct{})}, err
		}
		other := &ohce.Client{Addr: "10.0.0.2:3000", Dial: n.Dial}
		defer failing.Close()
		defer other.Close()
		exchange := &ohce.Group{Clients: []*ohce.Client{failing, other}}
		if resp, err := exchange.Exchange(t.Context(), []byte("x")); err != nil || string(resp.Data) != "X" {
			t.Errorf("Exchange: %v, %v, want X", resp, err)
		}
		stream := &ohce.Group{Clients: []*ohce.Client{failing, other}}
		for _, err := range outcomes(stream.Stream(t.Context(), numbered(1))) {
			if err != nil {
				t.Errorf("Stream: %v", err)
			}
		}
	})
}

// A failingConn is a socket whose reads fail once something has been written.
type failingConn struct {
	net.Conn
	written chan struct{}
	once    sync.Once
}

func (c *failingConn) Write(b []byte) (int, error) {
	defer c.once.Do(func() { close(c.written) })
	return c.Conn.Write(b)
}

func (c *failingConn) Read([]byte) (int, error) {
	<-c.written
	return 0, errRead
}
