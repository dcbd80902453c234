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
	logRate  = 100         // lines a second; above it, one line a second has the number of requests
	logQueue = 1024        // requests that wait to be printed
	logLine  = 128         // more bytes than a line has
	logGrace = time.Second // at the end, the wait for a reader that stalls
)

// A requestLog prints a line for each request on a goroutine of its own. If the reader of the lines
// is slow or the disk is full, lines are lost and counted, but no response is delayed.
type requestLog struct {
	w    io.Writer
	mode string

	requests atomic.Uint64
	quiet    atomic.Bool // requests are only counted, until a second with few requests
	queue    chan netip.AddrPort
	stop     chan struct{}
	ended    chan struct{}

	// Used only by print.
	lines   int    // printed in this second
	listed  uint64 // printed in total
	pending uint64 // those of listed that are not yet written
	counted uint64 // requests until the last tick, of which missed have no line
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
	return nil, usage("choose auto, each or none", "--log %q: unknown value", mode)
}

// around returns a handler that logs the requests of h.
func (l *requestLog) around(h ohce.Handler) ohce.Handler {
	if l.mode == "none" {
		return h
	}
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		l.requests.Add(1)
		if !l.quiet.Load() {
			select {
			case l.queue <- r.RemoteAddr:
			default: // the line at the end of the second gives the number
			}
		}
		h.ServeUDP(w, r)
	})
}

// start starts the printer. The function that it returns prints the remaining lines and stops it.
func (l *requestLog) start() (stop func()) {
	if l.mode == "none" {
		return func() {}
	}
	go l.print() // ends with stop, which waits for it for logGrace: the writer may block
	return func() {
		close(l.stop)
		runWithGrace(func() { <-l.ended })
	}
}

func (l *requestLog) print() {
	defer close(l.ended)
	l.ticked = time.Now()
	out := bufio.NewWriter(l.w)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		if len(l.queue) == 0 {
			l.flush(out)
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

func (l *requestLog) line(out *bufio.Writer, addr netip.AddrPort) {
	if l.mode == "auto" && l.lines == logRate {
		l.quiet.Store(true)
		return
	}
	l.lines++
	l.listed++
	l.pending++
	fmt.Fprintf(out, "Client's address %v\n", addr)
	if out.Available() < logLine { // so that each write ends with a line
		l.flush(out)
	}
}

// tick ends a second, or the last part of one. If requests have no line of their own, it prints one
// line with their number.
func (l *requestLog) tick(out *bufio.Writer) {
	total, now := l.requests.Load(), time.Now()
	n, missed := total-l.counted, total-min(total, l.listed+uint64(len(l.queue)))
	if missed > l.missed {
		fmt.Fprintf(out, "%d requests in %.1f s, %d of them not listed\n", n,
			now.Sub(l.ticked).Seconds(), min(n, missed-l.missed))
	}
	l.quiet.Store(l.mode == "auto" && n > logRate)
	l.lines = 0
	if l.flush(out) { // otherwise, the next line counts these requests again
		l.counted, l.missed, l.ticked = total, missed, now
	}
}

// flush writes the lines, and reports whether they are written. Otherwise, their requests have no
// line of their own.
func (l *requestLog) flush(out *bufio.Writer) bool {
	err := out.Flush()
	if err != nil {
		out.Reset(l.w)          // forgets the error, and the rest of the lines
		_ = out.WriteByte('\n') // the log can end within a line
		l.listed -= l.pending
	}
	l.pending = 0
	return err == nil
}
