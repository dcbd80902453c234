package main

import (
	"cmp"
	"fmt"
	"slices"
)

// The relays, and what they are compared with.
const (
	limitRelay = "C, one a call"
	noRelay    = "no relay"
)

// relayLead explains the summary of the relays.
const relayLead = `Rates of responses through a relay, relative to a plain relay in C, and the round-trip time. The
columns are those of [performance.md](performance.md).`

// relays are programs between the generator and a server at port to.
func relays(to string) []contender {
	return []contender{
		{name: limitRelay, args: []string{"DIR/relay", "ADDR", "PORT", to}},
		{name: "ohce link", stderr: true, args: []string{"DIR/ohce", "link", "--api", "none",
			"--listen", "ADDR:PORT", "--to", loopback.addr + ":" + to}},
	}
}

// relay compares relays, alone on one core; the generator and the server that it asks, in C with runs,
// share the other one. What a relay adds to the round trip is the difference to asking the server without.
func (s *session) relay(r *report) error {
	server := contender{name: "server", args: []string{"DIR/gso", "ADDR", "PORT"}, cores: loadCore}
	p, err := server.start(s.dir, loopback)
	if err != nil {
		return err
	}
	defer p.end()
	for _, name := range []string{"flood", "closed", "runs", "trip"} {
		l := loads[slices.IndexFunc(loads, func(l load) bool { return l.name == name })]
		l.limit = limitRelay
		results, err := s.measure(l, "64", s.rounds, relays(p.port))
		if err != nil {
			return err
		}
		r.summary.add(l, results)
		if l.trip {
			direct, err := s.direct(p, l)
			if err != nil {
				return err
			}
			if err := r.add("relays: what they add to the round trip, µs", added(results, direct), "", nil); err != nil {
				return err
			}
			continue
		}
		title := fmt.Sprintf("relays: %s, 64 bytes, %d rounds", l.title, s.rounds)
		if err := r.add(title, table(l, results), "", nil); err != nil {
			return err
		}
	}
	return nil
}

// direct asks the server itself.
func (s *session) direct(p *process, l load) (result, error) {
	direct := result{name: noRelay}
	for range s.rounds {
		got, err := s.once(p, generator(s.dir, l.args, p.port, "64", s.seconds))
		if err != nil {
			return direct, fmt.Errorf("%s: %w", noRelay, err)
		}
		direct.samples = append(direct.samples, got)
	}
	return direct, nil
}

// added is what relays add to the round trip without them, in Markdown.
func added(relays []result, direct result) string {
	text := "| relay | median | added | of C's | 99th percentile | added |\n|---|---:|---:|---:|---:|---:|\n"
	base, _, _ := direct.spread(trip)
	base99, _, _ := direct.spread(late)
	first := 0.0
	for i, r := range append([]result{direct}, relays...) {
		mid, _, _ := r.spread(trip)
		mid99, _, _ := r.spread(late)
		if i == 1 {
			first = mid - base
		}
		ratio := "–"
		if i > 0 {
			ratio = fmt.Sprintf("%.2f", (mid-base)/cmp.Or(first, 1))
		}
		text += fmt.Sprintf("| %s | %.1f | %.1f | %s | %.1f | %.1f |\n", r.name, mid, mid-base, ratio, mid99,
			mid99-base99)
	}
	return text
}
