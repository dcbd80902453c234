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
	listed  uint64 // printed in all
	counted uint64 // requests up to the last tick, and how many of them got no line
	missed  uint64
	ticked  time.Time
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
		runWithGrace(func() { <-l.ended })
	}
}

func (l *requestLog) print() {
	defer close(l.ended)
	l.ticked = time.Now()
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
	l.listed++
	fmt.Fprintf(out, "Client's address %v\n", addr)
}

// tick ends a second, or the part of one that was left at the end: where requests have got no line of
// their own, one line tells how many there were.
func (l *requestLog) tick(out io.Writer) {
	total, now := l.requests.Load(), time.Now()
	n, missed := total-l.counted, total-min(total, l.listed+uint64(len(l.queue)))
	if missed > l.missed {
		fmt.Fprintf(out, "%d requests within %.1f s, %d of them not listed\n", n,
			now.Sub(l.ticked).Seconds(), min(n, missed-l.missed))
	}
	l.quiet.Store(l.mode == "auto" && n > logRate)
	l.counted, l.missed, l.ticked, l.lines = total, missed, now, 0
}
