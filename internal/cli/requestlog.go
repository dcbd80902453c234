package cli

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce"
)

const (
	logRate  = 100         // lines a second; more requests become one line a second
	logQueue = 1024        // requests that the printer may be behind
	logGrace = time.Second // how long the printer gets at the end, for a reader that has stalled
)

// A requestLog prints a line for each request on a goroutine of its own, so that a slow reader of
// the lines costs lines and never an answer.
type requestLog struct {
	w    io.Writer
	mode string

	requests atomic.Uint64
	quiet    atomic.Bool // only counting, until a second with few requests
	queue    chan netip.AddrPort
	stop     chan struct{}
	ended    chan struct{}

	// The printer's own.
	lines   int    // printed this second
	counted uint64 // requests up to the last second
}

func newRequestLog(w io.Writer, mode string) (*requestLog, error) {
	switch mode {
	case "auto", "each", "none":
		return &requestLog{
			w: w, mode: mode, queue: make(chan netip.AddrPort, logQueue),
			stop: make(chan struct{}), ended: make(chan struct{}),
		}, nil
	}
	return nil, usage("choose one of auto, each, none", "--log: there is no %q", mode)
}

// around wraps a handler so that its requests are logged.
func (l *requestLog) around(h ohce.Handler) ohce.Handler {
	if l.mode == "none" {
		return h
	}
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		l.requests.Add(1)
		if !l.quiet.Load() {
			select {
			case l.queue <- r.RemoteAddr:
			default: // the second's line tells how many there were
			}
		}
		h.ServeUDP(w, r)
	})
}

// start begins to print. The function it returns prints what is left and ends it.
func (l *requestLog) start() (stop func()) {
	if l.mode == "none" {
		return func() {}
	}
	go l.print() // ends with stop, or is given up on where its writer blocks for ever
	return func() {
		close(l.stop)
		grace := time.NewTimer(logGrace)
		defer grace.Stop()
		select {
		case <-l.ended:
		case <-grace.C:
		}
	}
}

func (l *requestLog) print() {
	defer close(l.ended)
	out := bufio.NewWriter(l.w)
	defer out.Flush()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		if len(l.queue) == 0 {
			out.Flush()
		}
		select {
		case addr := <-l.queue:
			l.line(out, addr)
		case <-second.C:
			l.tick(out)
		case <-l.stop:
			for len(l.queue) > 0 {
				l.line(out, <-l.queue)
			}
			l.tick(out)
			return
		}
	}
}

func (l *requestLog) line(out io.Writer, addr netip.AddrPort) {
	if l.mode == "auto" && l.lines == logRate {
		l.quiet.Store(true)
		return
	}
	l.lines++
	fmt.Fprintf(out, "Client's address %v\n", addr)
}

// tick ends a second: where not every request has got its line, one line tells how many there were.
func (l *requestLog) tick(out io.Writer) {
	total := l.requests.Load()
	n := total - l.counted
	if behind := uint64(l.lines + len(l.queue)); n > behind {
		fmt.Fprintf(out, "%d requests in the last second, %d of them listed\n", n, l.lines)
	}
	l.quiet.Store(l.mode == "auto" && n > logRate)
	l.counted, l.lines = total, 0
}
