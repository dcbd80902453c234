package cli

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce"
)

const (
	logRate  = 100         // lines a second; above it, one line a second has the number of requests
	logQueue = 1024        // requests that wait to be printed
	logLine  = 512         // more bytes than a line has
	logGrace = time.Second // at the end, the wait for a reader that stalls
)

// A requestLog prints a line for each request on a goroutine of its own. If the reader of the lines
// is slow or the disk is full, lines are lost and counted, but no response is delayed.
type requestLog struct {
	w      io.Writer
	mode   string
	format logFormat

	requests atomic.Uint64
	quiet    atomic.Bool // requests are only counted, until a second with few requests
	queue    chan loggedRequest
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

// A loggedRequest is a request in the log. In plain format, only the address is known.
type loggedRequest struct {
	client   netip.AddrPort
	begun    time.Time // of the call of the handler
	took     time.Duration
	request  int  // bytes
	written  bool // the handler has written a response, which the server can still drop
	response int  // bytes
}

func newRequestLog(w io.Writer, mode string, format logFormat) (*requestLog, error) {
	if err := format.check(); err != nil {
		return nil, err
	}
	switch mode {
	case "auto", "each", "none":
		return &requestLog{
			w: w, mode: mode, format: format, queue: make(chan loggedRequest, logQueue),
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
		switch {
		case l.quiet.Load():
			h.ServeUDP(w, r)
		case l.format == plainLog:
			l.add(loggedRequest{client: r.RemoteAddr})
			h.ServeUDP(w, r)
		default:
			l.measure(h, w, r)
		}
	})
}

// measure calls h and logs the request with the sizes and the duration, also if h panics.
func (l *requestLog) measure(h ohce.Handler, w *ohce.ResponseWriter, r *ohce.Request) {
	begun := time.Now()
	defer func() {
		l.add(loggedRequest{
			client: r.RemoteAddr, begun: begun, took: time.Since(begun), request: len(r.Data),
			written: w.Written(), response: len(w.Bytes()),
		})
	}()
	h.ServeUDP(w, r)
}

func (l *requestLog) add(r loggedRequest) {
	select {
	case l.queue <- r:
	default: // the line at the end of the second gives the number
	}
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
		case r := <-l.queue:
			l.line(out, r)
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

func (l *requestLog) line(out *bufio.Writer, r loggedRequest) {
	if l.mode == "auto" && l.lines == logRate {
		l.quiet.Store(true)
		return
	}
	l.lines++
	l.listed++
	l.pending++
	if l.format == plainLog {
		fmt.Fprintf(out, "Client's address %v\n", r.client)
	} else {
		l.format.write(out, r.begun, slog.LevelInfo, "request", r.attrs()...)
	}
	if out.Available() < logLine { // so that each write ends with a line
		l.flush(out)
	}
}

// attrs returns the attributes of the record of a request.
func (r loggedRequest) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("client", r.client.String()), slog.Int("request_bytes", r.request),
		slog.Bool("written", r.written),
	}
	if r.written {
		attrs = append(attrs, slog.Int("response_bytes", r.response))
	}
	return append(attrs, slog.Float64("handler_ms", float64(r.took)/1e6))
}

// tick ends a second, or the last part of one. If requests have no line of their own, it prints one
// line with their number.
func (l *requestLog) tick(out *bufio.Writer) {
	total, now := l.requests.Load(), time.Now()
	n, missed := total-l.counted, total-min(total, l.listed+uint64(len(l.queue)))
	if missed > l.missed {
		text := fmt.Sprintf("%d requests in %.1f s, %d of them not listed\n", n,
			now.Sub(l.ticked).Seconds(), min(n, missed-l.missed))
		_, _ = out.Write(l.format.records([]byte(text))) // flush returns the error
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
