package cli

import (
	"io"
	"net/netip"
	"sync"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/sequence"
)

// A tracer draws exchanges: as text immediately, as SVG at the end.
type tracer struct {
	file *outputFile // nil: no SVG

	mu      sync.Mutex     // a client reports late datagrams on other goroutines
	text    *sequence.Text // nil: no text
	diagram sequence.Diagram
}

// newText returns a Text with the width and colours of w.
func (a *app) newText(w io.Writer) *sequence.Text {
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

// trace returns the trace of one of several clients. Each client numbers its own exchanges from 1,
// so exchange n of the client with the given index is number (n-1)*clients + index + 1 in the
// diagram.
func (t *tracer) trace(index, clients int) *ohce.ClientTrace {
	return clientTrace(func(a ohce.TraceAttempt, e sequence.Event) {
		if a.Exchange > 0 {
			a.Exchange = (a.Exchange-1)*uint64(clients) + uint64(index) + 1
		}
		t.add(a, e)
	})
}

// clientTrace returns a trace that reports each step of an exchange to add.
func clientTrace(add func(ohce.TraceAttempt, sequence.Event)) *ohce.ClientTrace {
	report := func(a ohce.TraceAttempt, e sequence.Event) {
		e.Time, e.Attempt, e.Attempts, e.Wait = a.Elapsed, a.Attempt, a.Attempts, a.Wait
		add(a, e)
	}
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			e := sequence.Event{Kind: sequence.Sent, Payload: sequence.Sample(a.Request)}
			if a.Err != nil {
				e.Kind, e.Reason = sequence.Refused, rootCause(a.Err).Error()
			}
			report(a, e)
		},
		AttemptTimedOut: func(a ohce.TraceAttempt) {
			report(a, sequence.Event{Kind: sequence.TimedOut})
		},
		PortUnreachable: func(a ohce.TraceAttempt) {
			report(a, sequence.Event{Kind: sequence.Unreachable})
		},
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			report(a, sequence.Event{
				Kind: sequence.Accepted, RoundTrip: r.RTT, Payload: sequence.Sample(r.Data),
			})
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			report(a, sequence.Event{
				Kind: sequence.Ignored, Reason: why.String(), Payload: sequence.Sample(data),
			})
		},
	}
}

// add adds an event of the exchange that a belongs to.
func (t *tracer) add(a ohce.TraceAttempt, e sequence.Event) {
	x := exchangeOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != nil {
		t.text.Add(x, e)
	}
	if t.file != nil {
		t.diagram.Add(x, e)
	}
}

// exchangeOf returns the exchange that a belongs to.
func exchangeOf(a ohce.TraceAttempt) sequence.Exchange {
	return sequence.Exchange{Number: a.Exchange, Client: address(a.Local), Server: address(a.Remote)}
}

// address formats a. It returns "" if a is not valid.
func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// flush draws the buffered events. No exchange may be in progress.
func (t *tracer) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != nil {
		t.text.Flush()
	}
}

// write writes the SVG file, if one is wanted.
func (t *tracer) write() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file == nil {
		return nil
	}
	return t.file.write(t.diagram.WriteSVG)
}

// shorten quotes text for a line on a terminal. It omits the middle of a long text.
func shorten(b []byte) string {
	const maxColumns = 60
	return sequence.Sample(b).Quote(maxColumns)
}
