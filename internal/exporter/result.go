package exporter

import (
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/sequence"
	"github.com/ohce/ohce/measure"
)

// A Result is what a probe found out. It must not be used before Probe has returned it.
type Result struct {
	Module *Module
	Target string    // as it was given
	Begun  time.Time // when the probe began
	// Success reports whether at least one request had the right response in time.
	Success bool
	// Duration is the time from Begun to the end of the last request, and Lookup the part of it for the
	// lookup of the name.
	Duration, Lookup time.Duration
	// Addr is the address that the requests were sent to. It is invalid if the lookup failed.
	Addr netip.Addr

	requests [classes]int // by class
	rtts     []time.Duration
	labels   map[string]string

	failedRegex, failedBytes bool // of the last request that failed

	mu      sync.Mutex // guards the fields below while the probe runs
	ignored map[ignoredReason]int
	notes   []note
	events  []drawnEvent
}

// classes is the number of classes of package measure.
const classes = int(measure.Unsent) + 1

// A note is a line of the log of a probe.
type note struct {
	at   time.Duration // since the probe began
	text string
}

// A drawnEvent is an event for the sequence diagram.
type drawnEvent struct {
	exchange sequence.Exchange
	event    sequence.Event
}

// The log of a probe has at most this number of lines, and its diagram this number of events.
const maxNotes, maxEvents = 200, 200

// note adds a line to the log.
func (r *Result) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.notes) < maxNotes {
		r.notes = append(r.notes, note{time.Since(r.Begun), fmt.Sprintf(format, args...)})
	}
}

// ignore counts a datagram that is not a response.
func (r *Result) ignore(why ignoredReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ignored == nil {
		r.ignored = make(map[ignoredReason]int)
	}
	r.ignored[why]++
}

// draw adds an event to the diagram.
func (r *Result) draw(x sequence.Exchange, e sequence.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) < maxEvents {
		r.events = append(r.events, drawnEvent{x, e})
	}
}

// add adds the outcome of a request.
func (r *Result) add(number int, o outcome) {
	r.requests[o.class]++
	r.rtts = append(r.rtts, o.rtts...)
	answered := o.class == measure.Answered
	if o.labels != nil && (answered || r.labels == nil) { // a failure replaces nothing
		r.labels = maps.Clone(o.labels)
	}
	if !answered {
		r.failedRegex, r.failedBytes = o.failedRegex, o.failedBytes
		r.note("request %d: %v: %v", number, o.class, o.err)
		return
	}
	r.Success = true
	for _, rtt := range o.rtts {
		r.note("request %d: answered, round trip %v", number, rtt)
	}
}

// lossRatio returns the share of the requests without a right response in time.
func (r *Result) lossRatio() float64 {
	return 1 - float64(r.requests[measure.Answered])/float64(r.Module.UDP.Count)
}
