package cli

import (
	"io"
	"net/netip"
	"sync"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/sequence"
)

// A tracer draws exchanges: in lines while they go on, into a file at the end. Either may be nil.
type tracer struct {
	file *pictureFile

	mu      sync.Mutex // late datagrams come on goroutines of their own
	text    *sequence.Text
	picture sequence.Diagram
}

// drawing is a text that suits where it is written to.
func (a *app) drawing(w io.Writer) *sequence.Text {
	st := a.styleFor(w)
	mark := func(t sequence.Tone, text string) string {
		switch t {
		case sequence.Good:
			return st.green(text)
		case sequence.Bad:
			return st.red(text)
		case sequence.Odd:
			return st.yellow(text)
		default:
			return st.faint(text)
		}
	}
	return &sequence.Text{W: w, Columns: columnsOf(w), Mark: mark}
}

// trace is what a client is to call, the one with an index of so many. Each counts its own exchanges; in
// the picture they have the numbers of their round.
func (t *tracer) trace(index, clients int) *ohce.ClientTrace {
	return traceTo(func(a ohce.TraceAttempt, e sequence.Event) {
		if a.Exchange > 0 {
			a.Exchange = (a.Exchange-1)*uint64(clients) + uint64(index) + 1
		}
		t.add(a, e)
	})
}

// traceTo tells what a client does as events of a picture.
func traceTo(tell func(ohce.TraceAttempt, sequence.Event)) *ohce.ClientTrace {
	add := func(a ohce.TraceAttempt, e sequence.Event) {
		e.Time, e.Attempt, e.Attempts, e.Wait = a.Elapsed, a.Attempt, a.Attempts, a.Wait
		tell(a, e)
	}
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			e := sequence.Event{Kind: sequence.Sent, Payload: sequence.Sample(a.Request)}
			if a.Err != nil {
				e.Kind, e.Reason = sequence.Refused, innermost(a.Err).Error()
			}
			add(a, e)
		},
		AttemptTimedOut: func(a ohce.TraceAttempt) {
			add(a, sequence.Event{Kind: sequence.TimedOut})
		},
		PortUnreachable: func(a ohce.TraceAttempt) {
			add(a, sequence.Event{Kind: sequence.Unreachable})
		},
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			add(a, sequence.Event{
				Kind: sequence.Accepted, RoundTrip: r.RTT, Payload: sequence.Sample(r.Data),
			})
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			add(a, sequence.Event{
				Kind: sequence.Ignored, Reason: why.String(), Payload: sequence.Sample(data),
			})
		},
	}
}

// add draws an event of the exchange that a speaks of.
func (t *tracer) add(a ohce.TraceAttempt, e sequence.Event) {
	x := exchangeOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != nil {
		t.text.Add(x, e)
	}
	if t.file != nil {
		t.picture.Add(x, e)
	}
}

// exchangeOf is the exchange that a speaks of.
func exchangeOf(a ohce.TraceAttempt) sequence.Exchange {
	return sequence.Exchange{Number: a.Exchange, Client: address(a.Local), Server: address(a.Remote)}
}

// address is "" where there is none.
func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// flush draws what is left when no exchange is under way any more.
func (t *tracer) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != nil {
		t.text.Flush()
	}
}

// write puts the picture into its file.
func (t *tracer) write() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file == nil {
		return nil
	}
	return t.file.write(t.picture.WriteSVG)
}

// shorten quotes text for a line on a terminal: in the middle of a long one a part is left out.
func shorten(b []byte) string {
	const most = 60 // columns
	return sequence.Sample(b).Quote(most)
}
