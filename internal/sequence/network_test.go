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

// A witness stands between a client and a server, and tells what it sees and what the client sees
// as one story. Requests have their attempt as their number, answers that plus a hundred.
type witness struct {
	server netip.AddrPort
	start  time.Time
	up     []time.Duration // how long each request takes; 0 loses it
	down   []time.Duration // how long each answer takes

	mu     sync.Mutex
	asked  int // requests that it has seen
	passed []int
	events []sequence.Event
	coming []int // answers that are on their way, in the order of their arrival
}

func (w *witness) tell(e sequence.Event) {
	e.Attempts = 5
	w.events = append(w.events, e)
}

// pass is the network's Link.
func (w *witness) pass(d ohcetest.Datagram) []ohcetest.Arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, p := time.Since(w.start), sequence.Sample(d.Data)
	if d.To == w.server {
		w.asked++
		n := w.asked
		return w.send(d, sequence.Event{Kind: sequence.Arrived, Time: now, Attempt: n, Datagram: n,
			Payload: p}, w.up[n-1])
	}
	n := w.passed[0] // the server answers in the order of what arrives
	w.passed = w.passed[1:]
	e := sequence.Event{Kind: sequence.Answered, Time: now, Answers: n, Datagram: 100 + n, Payload: p}
	w.tell(e)
	return w.send(d, e, w.down[n-1])
}

// send lets a datagram arrive after some time, or loses it.
func (w *witness) send(d ohcetest.Datagram, e sequence.Event, after time.Duration) []ohcetest.Arrival {
	switch {
	case after == 0:
		e.Kind = sequence.Lost
		w.tell(e)
		return nil
	case e.Kind == sequence.Arrived:
		e.Time += after
		w.tell(e)
		w.passed = append(w.passed, e.Attempt)
	default:
		w.coming = append(w.coming, e.Answers)
	}
	return []ohcetest.Arrival{{After: after, Datagram: d}}
}

// see tells what the client sees.
func (w *witness) see(a ohce.TraceAttempt, e sequence.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Time, e.Attempt, e.Wait = a.Elapsed, a.Attempt, a.Wait
	switch e.Kind {
	case sequence.Sent:
		e.Datagram = a.Attempt
	case sequence.Accepted, sequence.Ignored:
		e.Answers, w.coming = w.coming[0], w.coming[1:]
		e.Datagram = 100 + e.Answers
	}
	w.tell(e)
}

func (w *witness) trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			w.see(a, sequence.Event{Kind: sequence.Sent, Payload: sequence.Sample(a.Request)})
		},
		AttemptTimedOut: func(a ohce.TraceAttempt) {
			w.see(a, sequence.Event{Kind: sequence.TimedOut})
		},
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			w.see(a, sequence.Event{Kind: sequence.Accepted, RoundTrip: r.RTT,
				Payload: sequence.Sample(r.Data)})
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			w.see(a, sequence.Event{Kind: sequence.Ignored, Why: why.String(),
				Payload: sequence.Sample(data)})
		},
	}
}

// The picture in the README is an exchange in fake time: the first request is lost, the second
// one's answer too, the third one's comes late, and then the fourth one's is a duplicate.
func TestPictureOfTheREADME(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &witness{
			server: netip.MustParseAddrPort("192.0.2.7:3000"), start: time.Now(),
			up:   []time.Duration{0, 20 * ms, 20 * ms, 20 * ms},
			down: []time.Duration{20 * ms, 0, 310 * ms, 45 * ms},
		}
		network := &ohcetest.Network{Link: w.pass}
		network.NewPeer(w.server.String(), flip.Append)
		client := &ohce.Client{Addr: w.server.String(), Dial: network.Dial, Trace: w.trace()}
		defer client.Close()
		resp, err := client.Exchange(t.Context(), []byte("Hello"))
		if err != nil || string(resp.Data) != "OLLEh" {
			t.Fatalf("got %v, %v", resp, err)
		}
		time.Sleep(time.Second) // of the bubble's clock
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		var d sequence.Diagram
		x := sequence.Exchange{Number: 1, Client: resp.LocalAddr.String(), Server: w.server.String()}
		for _, e := range w.events {
			d.Add(x, e)
		}
		var picture, text bytes.Buffer
		if err := d.WriteSVG(&picture); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, picture.Bytes())
		golden(t, filepath.Join("..", "..", "docs", "trace.svg"), picture.Bytes())
		(&sequence.Text{W: &text}).Draw(x, w.events)
		golden(t, filepath.Join("testdata", "readme.txt"), text.Bytes())
	})
}
