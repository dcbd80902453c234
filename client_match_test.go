package ohce_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

// numberedServer is the handler of a protocol with identifiers. The first two bytes of a request
// are its identifier. The response is the identifier and the rest of the request, reversed.
var numberedServer = ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
	if len(r.Data) >= 2 {
		w.Write(append(bytes.Clone(r.Data[:2]), reversed(nil, r.Data[2:])...))
	}
})

// inMemoryWith runs f with a client of a server on an in-memory network. The server uses handler.
func inMemoryWith(t *testing.T, handler ohce.Handler, link func(ohcetest.Datagram) []ohcetest.Arrival,
	f func(t *testing.T, c *ohce.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &ohcetest.Network{Link: link}
		pc, err := n.ListenPacket(linkedServer.String())
		if err != nil {
			t.Fatal(err)
		}
		serve(t, &ohce.Server{Handler: handler}, pc)
		c := &ohce.Client{Addr: linkedServer.String(), Dial: n.Dial}
		defer c.Close()
		f(t, c)
	})
}

// identified yields n different requests whose identifiers count from 0 to ids-1 repeatedly.
func identified(n, ids int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := range n {
			request := binary.BigEndian.AppendUint16(nil, uint16(i%ids))
			if !yield(fmt.Appendf(request, "request %d", i)) {
				return
			}
		}
	}
}

// TestMatchBytesOnLossyNetwork checks that a network with loss, duplication and reordering delivers
// no response to the wrong request, however often identifiers repeat.
func TestMatchBytesOnLossyNetwork(t *testing.T) {
	oneWay := link.Impairment{
		Loss: link.RandomLoss(0.1), Duplicate: 0.1,
		Delay: link.Delay{Base: 20 * time.Millisecond, Jitter: 15 * time.Millisecond},
	}
	for _, ids := range []int{1 << 16, 300, 10, 1} {
		t.Run(fmt.Sprint(ids), func(t *testing.T) {
			n := testsize.Pick(5000, 1000)
			if ids == 1 {
				n /= 10 // each needs a socket of its own
			}
			bad := ohcetest.Impair(&link.Link{Seed: 5, Up: oneWay, Down: oneWay}, linkedServer)
			inMemoryWith(t, numberedServer, bad, func(t *testing.T, c *ohce.Client) {
				c.Match, c.Retry = ohce.MatchBytes(0, 2), ohce.AdaptiveRetry(3*time.Second)
				answered := 0
				for r, err := range c.Stream(t.Context(), identified(n, ids)) {
					if err != nil {
						t.Fatal(err)
					}
					if r.Err != nil {
						continue
					}
					answered++
					want := append(bytes.Clone(r.Request[:2]), reversed(nil, r.Request[2:])...)
					if !bytes.Equal(r.Response.Data, want) {
						t.Fatalf("request %q got %q", r.Request, r.Response.Data)
					}
				}
				if answered < n-n/500 {
					t.Errorf("%d of %d answered", answered, n)
				}
			})
		})
	}
}

// TestMatchSharesSocket checks that requests with different keys share one socket.
func TestMatchSharesSocket(t *testing.T) {
	inMemoryWith(t, numberedServer, after(10*time.Millisecond), func(t *testing.T, c *ohce.Client) {
		c.Match = ohce.MatchBytes(0, 2)
		sockets := countSockets(c)
		begun := time.Now()
		for r, err := range c.Stream(t.Context(), identified(testsize.Pick(20_000, 4000), 1<<16)) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
		}
		if took := time.Since(begun); sockets.Load() != 1 || took > time.Second {
			t.Errorf("%d sockets and %v, want 1 and at most 1s", sockets.Load(), took)
		}
	})
}

// TestMatchEqualKeys checks that requests with equal keys use separate sockets, or wait for each
// other if MaxSockets is 1.
func TestMatchEqualKeys(t *testing.T) {
	for _, maxSockets := range []int{0, 1} {
		t.Run(fmt.Sprint(maxSockets), func(t *testing.T) {
			inMemoryWith(t, numberedServer, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
				c.Match, c.MaxSockets = ohce.MatchBytes(0, 2), maxSockets
				const n = 5
				begun := time.Now()
				for r, err := range c.Stream(t.Context(), identified(n, 1)) {
					if err != nil || r.Err != nil || !bytes.Equal(r.Response.Data[2:], reversed(nil, r.Request[2:])) {
						t.Fatalf("%+v, %v", r, err)
					}
				}
				// On one socket a key can be used again after ten seconds.
				took, want := time.Since(begun), 2*time.Millisecond
				if maxSockets == 1 {
					want += (n - 1) * (10*time.Second + 2*time.Millisecond)
				}
				if took != want {
					t.Errorf("it took %v, want %v", took, want)
				}
			})
		})
	}
}

// TestMatchIgnoresLateResponses checks that a late response is not delivered to a later request
// with the same key.
func TestMatchIgnoresLateResponses(t *testing.T) {
	slow := func(d ohcetest.Datagram) []ohcetest.Arrival {
		if bytes.Contains(d.Data, []byte("0 ")) && d.From == linkedServer { // the response to request 0
			return after(2 * time.Second)(d)
		}
		return after(time.Millisecond)(d)
	}
	inMemoryWith(t, numberedServer, slow, func(t *testing.T, c *ohce.Client) {
		c.Match = ohce.MatchBytes(0, 2)
		requests := func(yield func([]byte) bool) {
			for i := range 40 {
				if !yield(fmt.Appendf([]byte{0, 1}, "%d request", i)) {
					return
				}
				time.Sleep(100 * time.Millisecond) // in synctest time
			}
		}
		for r, err := range c.Stream(t.Context(), requests) {
			switch {
			case err != nil:
				t.Fatal(err)
			case r.Index%10 == 0: // its own response is late too
			case r.Err != nil || !bytes.Equal(r.Response.Data[2:], reversed(nil, r.Request[2:])):
				t.Errorf("request %q: %+v, %v", r.Request, r.Response, r.Err)
			}
		}
	})
}

// TestMatchAccept checks that a response that Accept rejects is not delivered.
func TestMatchAccept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	wrong := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		if random.IntN(3) == 0 {
			w.Write(append(bytes.Clone(r.Data[:2]), "wrong"...))
			return
		}
		numberedServer(w, r)
	})
	inMemoryWith(t, wrong, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
		c.Match = ohce.MatchBytes(0, 2)
		c.Match.Accept = func(request, response []byte) bool { return len(request) == len(response) }
		answered := 0
		for r, err := range c.Stream(t.Context(), identified(1000, 1<<16)) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Err == nil {
				answered++
				if !bytes.Equal(r.Response.Data[2:], reversed(nil, r.Request[2:])) {
					t.Errorf("request %q got %q", r.Request, r.Response.Data)
				}
			}
		}
		st := checkExchanges(t, c, answered)
		if answered < 980 || st.Unexpected == 0 { // five wrong in a row once in 243 requests
			t.Errorf("%d answered, stats %+v", answered, st)
		}
	})
}

// TestMatchExchange checks that Exchange uses Match.
func TestMatchExchange(t *testing.T) {
	script := steps(ohcetest.Then(ohcetest.Forge([]byte{9, 9, 'x'}), ohcetest.Answer()))
	onNetwork(t, script, func(t *testing.T, c *ohce.Client, _ *ohcetest.Peer, _ *traceLog) {
		c.Match = &ohce.Matcher{
			RequestKey:  func(dst, request []byte) []byte { return append(dst, bytes.ToUpper(request[:2])...) },
			ResponseKey: func(dst, response []byte) ([]byte, bool) { return append(dst, response[:2]...), true },
		}
		resp, err := c.Exchange(t.Context(), []byte("hello"))
		if err != nil || string(resp.Data) != "HELLO" || c.Stats().Unexpected != 1 {
			t.Errorf("%v, %v, stats %+v, want HELLO and one unexpected datagram", resp, err, c.Stats())
		}
	})
	c := &ohce.Client{Match: &ohce.Matcher{}}
	if _, err := c.Exchange(t.Context(), nil); err == nil || errors.Is(err, ohce.ErrServerDown) {
		t.Errorf("an empty Matcher: %v, want an error about the field", err)
	}
}

// TestUnexpectedInError checks that the error of an exchange has the number of its unexpected
// datagrams, also of a group.
func TestUnexpectedInError(t *testing.T) {
	forged := ohcetest.Forge([]byte("x"))
	once := steps(ohcetest.Then(forged, forged), ohcetest.Lose(), forged, forged, forged)
	onNetwork(t, append(once, once...), func(t *testing.T, c *ohce.Client, _ *ohcetest.Peer, _ *traceLog) {
		c.Match = ohce.MatchExact(flip.Append)
		for _, exchange := range []func(context.Context, []byte) (*ohce.Response, error){
			c.Exchange, (&ohce.Group{Clients: []*ohce.Client{c}}).Exchange,
		} {
			var op *ohce.OpError
			_, err := exchange(t.Context(), []byte("hello"))
			if !errors.As(err, &op) || !errors.Is(err, ohce.ErrServerDown) || op.Attempts != 5 {
				t.Fatalf("got %v, want no response to 5 attempts", err)
			}
			if text := err.Error(); !strings.Contains(text, "no right response: 5 unexpected datagrams") {
				t.Errorf("the error is %q", text)
			}
			if op.Unexpected != 5 {
				t.Errorf("%d unexpected datagrams, want 5", op.Unexpected)
			}
		}
	})
}

// linkedServer is the address of the server in inMemory and inMemoryWith.
var linkedServer = netip.MustParseAddrPort("192.0.2.2:3000")
