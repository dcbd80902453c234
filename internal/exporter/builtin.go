package exporter

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/probe"
)

// builtIn returns the ready-made modules: one for each probe.
func builtIn() map[string]*Module {
	all := make(map[string]*Module)
	for _, name := range probeNames() {
		m := newModule(name)
		m.UDP.setProbe(name)
		m.source = fmt.Sprintf("prober: udp\nudp:\n    probe: %s\n", name)
		all[name] = m
	}
	return all
}

// textProbes are the probes of servers that answer with the text of a request: as it is, or flipped.
var textProbes = map[string]func(dst, src []byte) []byte{
	"echo": func(dst, src []byte) []byte { return append(dst, src...) },
	"flip": flip.Append,
}

// probeNames returns the names of all probes in alphabetical order.
func probeNames() []string {
	names := []string{"echo", "flip"}
	for _, p := range probe.All() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// setProbe makes the requests those of a probe. It reports whether the probe exists.
func (u *UDP) setProbe(name string) bool {
	u.turns = 1
	if respond, ok := textProbes[name]; ok {
		u.dialog = func() conversation { return newTextRequest(respond) }
		return true
	}
	p, ok := probe.Find(name)
	if !ok {
		return false
	}
	u.port = p.Port
	u.dialog = func() conversation {
		// An unpredictable number makes identifiers that an attacker off the path cannot guess.
		return &singleRequest{
			data:  p.Request(nil, 1+rand.IntN(1<<31-1), time.Now()),
			check: p.Check, describe: p.Read,
		}
	}
	return true
}

// newTextRequest returns a request whose response is known.
func newTextRequest(respond func(dst, src []byte) []byte) *singleRequest {
	return &singleRequest{
		data: fmt.Appendf(nil, "ohce probe %08x", rand.Uint32()),
		check: func(request, response []byte) error {
			if !bytes.Equal(response, respond(nil, request)) {
				return errOtherText
			}
			return nil
		},
	}
}

var errOtherText = errors.New("the response is another text")
