package exporter

import (
	"bytes"
	"fmt"
	"strings"
)

// maxLabelValue is the length in bytes of the longest value of a label.
const maxLabelValue = 256

// A scriptRun is a conversation that follows a script.
type scriptRun struct {
	script *script
	turn   int // the number of requests that next has returned
	met    int // expectations of the latest turn that are met

	expanded []byte            // the next request, if it has parts of the latest match
	labels   map[string]string // of the expectations that are met
}

func (r *scriptRun) next() (request, bool) {
	if r.turn == len(r.script.turns) {
		return request{}, false
	}
	t := &r.script.turns[r.turn]
	r.turn++
	r.met = 0
	next := request{data: t.send, answered: t.answered, last: true}
	if t.expand {
		next.data = r.expanded
	}
	for _, later := range r.script.turns[r.turn:] {
		next.last = next.last && !later.answered
	}
	return next, true
}

// waiting returns the expectation that is not met, or nil if there is none.
func (r *scriptRun) waiting() *expectation {
	if r.turn == 0 {
		return nil
	}
	if t := &r.script.turns[r.turn-1]; r.met < len(t.expect) {
		return &t.expect[r.met]
	}
	return nil
}

// receive compares a datagram with the expectations that are not met. A regular expression can match
// a line of the datagram, and then the next expectation the lines behind it, or the whole datagram.
func (r *scriptRun) receive(datagram []byte) (verdict, error) {
	if r.waiting() == nil {
		return right, nil // any response
	}
	lines, fresh := linesOf(datagram), true
	for e := r.waiting(); e != nil; e = r.waiting() {
		rest, ok := r.meets(e, datagram, lines, fresh)
		if !ok && fresh {
			return wrong, fmt.Errorf("the response does not match %s", e)
		}
		if !ok {
			return partly, nil
		}
		lines, fresh = rest, false
		r.met++
	}
	return right, nil
}

// meets compares a datagram, of which only lines are left, with an expectation. fresh says that all
// lines are left. It returns the lines that are left then.
func (r *scriptRun) meets(e *expectation, datagram []byte, lines [][]byte, fresh bool) (
	rest [][]byte, ok bool) {
	if e.regex == nil {
		return nil, fresh && bytes.HasPrefix(datagram, e.bytes)
	}
	for i, line := range lines {
		if r.match(e, line) {
			return lines[i+1:], true
		}
	}
	return nil, fresh && r.match(e, datagram)
}

// match reports whether a text matches a regular expression. It then sets the labels and the next
// request.
func (r *scriptRun) match(e *expectation, text []byte) bool {
	match := e.regex.FindSubmatchIndex(text)
	if match == nil {
		return false
	}
	if r.turn < len(r.script.turns) {
		r.expanded = e.regex.Expand(nil, r.script.turns[r.turn].send, text, match)
	}
	for _, l := range e.labels {
		if r.labels == nil {
			r.labels = make(map[string]string)
		}
		value := e.regex.Expand(nil, []byte(l.value), text, match)
		r.labels[l.name] = strings.ToValidUTF8(string(value[:min(len(value), maxLabelValue)]), "\uFFFD")
	}
	return true
}

// String describes an expectation in errors.
func (e *expectation) String() string {
	if e.regex != nil {
		return fmt.Sprintf("the regular expression %q", e.regex)
	}
	return fmt.Sprintf("the bytes %x", e.bytes)
}
