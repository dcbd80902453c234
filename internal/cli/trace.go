package cli

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/ohce/ohce"
)

// A tracer prints what happens in an exchange, one line an event, with the time since its beginning.
type tracer struct {
	style style

	mu sync.Mutex // late datagrams come on goroutines of their own
	w  io.Writer
}

func newTracer(w io.Writer, st style) *tracer { return &tracer{w: w, style: st} }

func (t *tracer) trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		AttemptSent: t.sent,
		AttemptTimedOut: func(a ohce.TraceAttempt) {
			t.line(a, "   %s", t.style.faint(fmt.Sprintf("no answer within %v", a.Wait)))
		},
		PortUnreachable: func(a ohce.TraceAttempt) {
			t.line(a, "<- %s", t.style.red("port unreachable: nobody listens at "+a.Remote.String()))
		},
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			t.line(a, "<- %s, %d bytes, round trip %.3f ms", t.style.green(shorten(r.Data)),
				len(r.Data), millis(r.RTT))
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			t.line(a, "<- %s datagram ignored: %s, %d bytes", why, shorten(data), len(data))
		},
	}
}

func (t *tracer) sent(a ohce.TraceAttempt) {
	if a.Err != nil {
		t.line(a, "-> %s", t.style.red(fmt.Sprintf("attempt %d of %d could not be sent: %v",
			a.Attempt, a.Attempts, innermost(a.Err))))
		return
	}
	t.line(a, "-> attempt %d of %d from %v to %v, waits %v", a.Attempt, a.Attempts, a.Local, a.Remote,
		a.Wait)
}

func (t *tracer) line(a ohce.TraceAttempt, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "%9.3f ms  %s\n", millis(a.Elapsed), fmt.Sprintf(format, args...))
}

// shorten quotes text for a line on a terminal: in the middle of a long one a part is left out.
func shorten(b []byte) string {
	const most, end = 48, 16 // code points
	if utf8.RuneCount(b) <= most {
		return strconv.Quote(string(b))
	}
	runes := []rune(string(b))
	return strconv.Quote(string(runes[:end])) + "..." + strconv.Quote(string(runes[len(runes)-end:]))
}
