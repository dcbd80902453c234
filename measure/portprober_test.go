package measure_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

// inPortBubble calls f with a network and a port prober for an echo server at serverAddr.
func inPortBubble(t *testing.T, link func(ohcetest.Datagram) []ohcetest.Arrival,
	f func(t *testing.T, n *ohcetest.Network, p *measure.PortProber)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &ohcetest.Network{Link: link}
		n.NewPeer(serverAddr, echo)
		f(t, n, &measure.PortProber{
			Addr: serverAddr, Ports: 8, Count: 2, Interval: ms, Timeout: 100 * ms,
			Dial: func(_ context.Context, port uint16, addr string) (net.Conn, error) {
				return n.DialFrom(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port), addr)
			},
			Request: func(dst []byte, n int) []byte { return fmt.Appendf(dst, "%d", n) },
		})
	})
}

// runPorts runs the prober and returns the results of the ports.
func runPorts(t *testing.T, p *measure.PortProber) []measure.PortResult {
	t.Helper()
	var sum measure.PortSummary
	for s, err := range p.Run(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(s, "")
	}
	return sum.Results()
}

// clientPort returns the port of the client that sends or receives a datagram.
func clientPort(d ohcetest.Datagram) uint16 {
	if d.From.String() == serverAddr {
		return d.To.Port()
	}
	return d.From.Port()
}

// TestPortsLost loses the requests of some ports and the responses to others.
func TestPortsLost(t *testing.T) {
	lost := []uint16{49153, 49158}
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		up := d.To.String() == serverAddr
		if clientPort(d) == lost[0] && up || clientPort(d) == lost[1] && !up {
			return nil
		}
		return arrive(ms)(d)
	}
	inPortBubble(t, link, func(t *testing.T, n *ohcetest.Network, p *measure.PortProber) {
		begun := time.Now()
		results := runPorts(t, p)
		if len(results) != 8 {
			t.Fatalf("%d results, want 8", len(results))
		}
		for i, r := range results {
			want := measure.PortResult{Port: uint16(49152 + i), Outcome: measure.PortAnswered, Sent: 2, Answered: 2,
				MinRTT: 2 * ms}
			if slices.Contains(lost, r.Port) {
				want = measure.PortResult{Port: r.Port, Outcome: measure.PortSilent, Sent: 2, Lost: 2}
			}
			if fmt.Sprint(r) != fmt.Sprint(want) {
				t.Errorf("the result is %+v, want %+v", r, want)
			}
		}
		// The second request from port 49158 is sent 7 ms after the end of the first round.
		if took := time.Since(begun); took != (106+1+106)*ms && took != 2*106*ms {
			t.Errorf("the run took %v", took)
		}
	})
}

// TestPortsGroups uses more ports than may be open at the same time, some of which are in use.
func TestPortsGroups(t *testing.T) {
	inPortBubble(t, nil, func(t *testing.T, n *ohcetest.Network, p *measure.PortProber) {
		p.First, p.Ports = 65535-599, 600
		open, most := 0, 0
		dial := p.Dial
		p.Dial = func(ctx context.Context, port uint16, addr string) (net.Conn, error) {
			if port%100 == 0 {
				return nil, fmt.Errorf("port %d: %w", port, ohce.ErrAddrInUse)
			}
			open++
			most = max(most, open)
			c, err := dial(ctx, port, addr)
			return closing{c, func() { open-- }}, err
		}
		inUse := 0
		for _, r := range runPorts(t, p) {
			switch {
			case r.Port%100 == 0 && r.Outcome == measure.PortInUse && r.Sent == 0:
				inUse++
			case r.Port%100 == 0 || r.Outcome != measure.PortAnswered || r.Answered != 2:
				t.Errorf("%+v", r)
			}
		}
		if inUse != 6 || open != 0 || most > 256 {
			t.Errorf("%d ports in use, %d sockets open, at most %d; want 6, 0 and 256", inUse, open, most)
		}
	})
}

// A closing calls closed when it is closed.
type closing struct {
	net.Conn
	closed func()
}

func (c closing) Close() error {
	c.closed()
	return c.Conn.Close()
}

// TestPortsMatch checks that a late or a duplicate response is not taken for the response to the next
// request from the port. The response to request n arrives after the time-out if n is odd, and twice if
// n is even.
func TestPortsMatch(t *testing.T) {
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		switch {
		case d.To.String() == serverAddr:
			return arrive(ms)(d)
		case d.Data[0]%2 == 1:
			return arrive(150 * ms)(d)
		default:
			return []ohcetest.Arrival{{Datagram: d}, {After: ms, Datagram: d}}
		}
	}
	inPortBubble(t, link, func(t *testing.T, n *ohcetest.Network, p *measure.PortProber) {
		p.Ports, p.Count, p.Match = 1, 6, ohce.MatchExact(echo)
		want := measure.PortResult{Port: 49152, Outcome: measure.PortAnswered, Sent: 6, Answered: 3, Lost: 3, MinRTT: ms}
		if got := runPorts(t, p); len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("the result is %+v, want %+v", got, want)
		}
		// The last response of each kind arrives after the end.
		if got := p.Counts(); got.Late == 0 || got.Duplicates == 0 || got.Unexpected > 0 {
			t.Errorf("the counts are %+v", got)
		}
	})
}

// TestPortsOutcomes checks the outcomes for servers that do not answer rightly.
func TestPortsOutcomes(t *testing.T) {
	inPortBubble(t, nil, func(t *testing.T, n *ohcetest.Network, p *measure.PortProber) {
		p.Ports = 1
		outcome := func() measure.PortOutcome { return runPorts(t, p)[0].Outcome }
		p.Check = func(_, _ []byte) error { return errors.New("wrong") }
		if got := outcome(); got != measure.PortWrong {
			t.Errorf("a wrong response: %v", got)
		}
		p.Check, p.Match = nil, ohce.MatchExact(func(dst, _ []byte) []byte { return append(dst, 'x') })
		if got := outcome(); got != measure.PortWrong {
			t.Errorf("a response to no request: %v", got)
		}
		p.Match, p.Addr = nil, "192.0.2.7:3001"
		if got := outcome(); got != measure.PortRefused {
			t.Errorf("no server: %v", got)
		}
		p.Dial = func(context.Context, uint16, string) (net.Conn, error) { return nil, errors.New("no") }
		if got := outcome(); got != measure.PortUnsent {
			t.Errorf("no socket: %v", got)
		}
	})
}

// TestPortsInvalid checks the errors for invalid fields and for a context that is done.
func TestPortsInvalid(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		ctx  context.Context
		p    *measure.PortProber
		want string
	}{
		{t.Context(), &measure.PortProber{First: 65000, Ports: 537},
			"measure: PortProber.Ports is 537, and 65535 is the last port after 65000"},
		{t.Context(), &measure.PortProber{Match: &ohce.Matcher{}},
			"measure: PortProber.Match needs both RequestKey and ResponseKey"},
		{canceled, &measure.PortProber{}, "context canceled"},
	} {
		var last error
		for _, err := range tt.p.Run(tt.ctx) {
			last = err
		}
		if last == nil || last.Error() != tt.want {
			t.Errorf("%v, want %q", last, tt.want)
		}
	}
}

// TestPortsEndEarly checks that goroutines end if the loop or the context ends.
func TestPortsEndEarly(t *testing.T) {
	inPortBubble(t, arrive(ms), func(t *testing.T, n *ohcetest.Network, p *measure.PortProber) {
		for range p.Run(t.Context()) {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*ms)
		defer cancel()
		var last error
		for _, err := range p.Run(ctx) {
			last = err
		}
		if !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("the error is %v", last)
		}
	})
}
