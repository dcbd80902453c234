package ohce_test

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestOpenLoop checks that a stream in an open loop sends each request at once, whatever the server
// does: the server never answers, or falls silent after a second, or the round-trip time grows.
func TestOpenLoop(t *testing.T) {
	const interval, n = 10 * time.Millisecond, 1000
	for _, tt := range []struct {
		name string
		link func(begun time.Time, d ohcetest.Datagram) []ohcetest.Arrival
	}{
		{"never answers", func(time.Time, ohcetest.Datagram) []ohcetest.Arrival { return nil }},
		{"falls silent", func(begun time.Time, d ohcetest.Datagram) []ohcetest.Arrival {
			if time.Since(begun) > time.Second {
				return nil
			}
			return []ohcetest.Arrival{{After: time.Millisecond, Datagram: d}}
		}},
		{"grows slow", func(begun time.Time, d ohcetest.Datagram) []ohcetest.Arrival {
			return []ohcetest.Arrival{{After: time.Since(begun) / 100, Datagram: d}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var begun time.Time
			link := func(d ohcetest.Datagram) []ohcetest.Arrival { return tt.link(begun, d) }
			inMemory(t, link, func(t *testing.T, c *ohce.Client) {
				begun = time.Now()
				c.OpenLoop, c.Retry = true, ohce.RetryAfter(100*time.Millisecond)
				sent := 0
				c.Trace = &ohce.ClientTrace{AttemptSent: func(ohce.TraceAttempt) {
					if at := time.Since(begun); at != time.Duration(sent)*interval {
						t.Errorf("request %d was sent at %v", sent, at)
					}
					sent++
				}}
				requests := func(yield func([]byte) bool) {
					for i := range n {
						if !yield(fmt.Appendf(nil, "request %d", i)) {
							return
						}
						time.Sleep(interval)
					}
				}
				for _, err := range c.Stream(t.Context(), requests) {
					if err != nil {
						t.Fatal(err)
					}
				}
				if sent != n {
					t.Errorf("%d requests sent, want %d", sent, n)
				}
			})
		})
	}
}

// TestOpenLoopLimit checks that MaxInFlight limits the requests in flight of an open loop.
func TestOpenLoopLimit(t *testing.T) {
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		return []ohcetest.Arrival{{After: 50 * time.Millisecond, Datagram: d}}
	}
	inMemory(t, link, func(t *testing.T, c *ohce.Client) {
		c.OpenLoop, c.MaxInFlight = true, 10
		c.Retry = ohce.RetryAfter(time.Second)
		inFlight := 0
		c.Trace = &ohce.ClientTrace{
			AttemptSent: func(ohce.TraceAttempt) {
				if inFlight++; inFlight > 10 {
					t.Errorf("%d requests in flight", inFlight)
				}
			},
			ResponseAccepted: func(ohce.TraceAttempt, *ohce.Response) { inFlight-- },
		}
		for r, err := range c.Stream(t.Context(), numbered(200)) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
		}
	})
}

// TestOpenLoopOrder checks that a stream in an open loop sends requests of different sizes in their
// order, even those that are due at once. The order shows on a socket of the system only.
func TestOpenLoopOrder(t *testing.T) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	const n = 100
	var arrived []byte // the first byte of each request
	done := make(chan struct{})
	go func() { // ends with the last request, or when the server is closed
		defer close(done)
		buf := make([]byte, 1500)
		for len(arrived) < n {
			size, from, err := server.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			arrived = append(arrived, buf[0])
			server.WriteToUDPAddrPort(buf[:size], from)
		}
	}()
	c := &ohce.Client{
		Addr: server.LocalAddr().String(), OpenLoop: true, Match: ohce.MatchBytes(0, 1),
		Retry: ohce.RetryAfter(10 * time.Second),
	}
	defer c.Close()
	requests := func(yield func([]byte) bool) {
		for i := range n {
			if !yield(append([]byte{byte(i)}, make([]byte, i*37%11)...)) {
				return
			}
		}
	}
	for r, err := range c.Stream(t.Context(), requests) {
		if err != nil || r.Err != nil {
			t.Error(err, r.Err)
		}
	}
	server.Close()
	<-done
	var want []byte
	for i := range n {
		want = append(want, byte(i))
	}
	if !bytes.Equal(arrived, want) {
		t.Errorf("the requests arrived in the order %d", arrived)
	}
}
