package sequence_test

import (
	"bytes"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/sequence"
	"github.com/ohce/ohce/ohcetest"
)

// An observedLink is a link that records its own events together with those of the client. The
// datagram number of a request is its attempt, that of a response is the attempt plus 100.
type observedLink struct {
	server netip.AddrPort
	start  time.Time
	up     []time.Duration // delay of each request; zero loses it
	down   []time.Duration // delay of each response; zero loses it

	mu        sync.Mutex
	requests  int   // requests seen
	atServer  []int // attempts that the server has not answered
	events    []sequence.Event
	inTransit []int // attempts whose responses are in transit to the client, in order
}

func (l *observedLink) add(e sequence.Event) {
	e.Attempts = 5
	l.events = append(l.events, e)
}

// pass is the Link of an ohcetest.Network.
func (l *observedLink) pass(d ohcetest.Datagram) []ohcetest.Arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, p := time.Since(l.start), sequence.Sample(d.Data)
	if d.To == l.server {
		l.requests++
		n := l.requests
		return l.send(d, sequence.Event{Kind: sequence.Arrived, Time: now, Attempt: n, Datagram: n,
			Payload: p}, l.up[n-1])
	}
	n := l.atServer[0] // the server answers in the order of arrival
	l.atServer = l.atServer[1:]
	e := sequence.Event{Kind: sequence.Answered, Time: now, ResponseTo: n, Datagram: 100 + n, Payload: p}
	l.add(e)
	return l.send(d, e, l.down[n-1])
}

// send delivers a datagram after a delay. If the delay is zero, it loses the datagram.
func (l *observedLink) send(d ohcetest.Datagram, e sequence.Event,
	after time.Duration) []ohcetest.Arrival {
	switch {
	case after == 0:
		e.Kind = sequence.Lost
		l.add(e)
		return nil
	case e.Kind == sequence.Arrived:
		e.Time += after
		l.add(e)
		l.atServer = append(l.atServer, e.Attempt)
	default:
		l.inTransit = append(l.inTransit, e.ResponseTo)
	}
	return []ohcetest.Arrival{{After: after, Datagram: d}}
}

// addTrace records an event of the client's trace.
func (l *observedLink) addTrace(a ohce.TraceAttempt, e sequence.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Time, e.Attempt, e.Wait = a.Elapsed, a.Attempt, a.Wait
	switch e.Kind {
	case sequence.Sent:
		e.Datagram = a.Attempt
	case sequence.Accepted, sequence.Ignored:
		e.ResponseTo, l.inTransit = l.inTransit[0], l.inTransit[1:]
		e.Datagram = 100 + e.ResponseTo
	}
	l.add(e)
}

func (l *observedLink) trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			l.addTrace(a, sequence.Event{Kind: sequence.Sent, Payload: sequence.Sample(a.Request)})
		},
		AttemptTimedOut: func(a ohce.TraceAttempt) {
			l.addTrace(a, sequence.Event{Kind: sequence.TimedOut})
		},
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			l.addTrace(a, sequence.Event{Kind: sequence.Accepted, RoundTrip: r.RTT,
				Payload: sequence.Sample(r.Data)})
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			l.addTrace(a, sequence.Event{Kind: sequence.Ignored, Reason: why.String(),
				Payload: sequence.Sample(data)})
		},
	}
}

// The diagram in the README shows an exchange in simulated time. The network loses the first
// request and the response to the second attempt. The response to the third attempt arrives after
// the fourth attempt, whose response is then a duplicate.
func TestDiagramInREADME(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &observedLink{
			server: netip.MustParseAddrPort("192.0.2.7:3000"), start: time.Now(),
			up:   []time.Duration{0, 20 * ms, 20 * ms, 20 * ms},
			down: []time.Duration{20 * ms, 0, 310 * ms, 45 * ms},
		}
		network := &ohcetest.Network{Link: l.pass}
		network.NewPeer(l.server.String(), flip.Append)
		client := &ohce.Client{Addr: l.server.String(), Dial: network.Dial, Trace: l.trace()}
		defer client.Close()
		resp, err := client.Exchange(t.Context(), []byte("Hello"))
		if err != nil || string(resp.Data) != "OLLEh" {
			t.Fatalf("got %v, %v", resp, err)
		}
		time.Sleep(time.Second) // simulated time
		synctest.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		var d sequence.Diagram
		x := sequence.Exchange{Number: 1, Client: resp.LocalAddr.String(), Server: l.server.String()}
		for _, e := range l.events {
			d.Add(x, e)
		}
		var svg, text bytes.Buffer
		if err := d.WriteSVG(&svg); err != nil {
			t.Fatal(err)
		}
		checkSVG(t, svg.Bytes())
		golden(t, filepath.Join("..", "..", "docs", "trace.svg"), svg.Bytes())
		(&sequence.Text{W: &text}).Draw(x, l.events)
		golden(t, filepath.Join("testdata", "readme.txt"), text.Bytes())
	})
}
