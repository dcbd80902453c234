package main

import (
	"cmp"
	"fmt"
	"slices"
)

// The names of the results with which relays are compared.
const (
	limitRelay = "C, one per call"
	noRelay    = "no relay"
)

// relayLead explains the summary of the relays.
const relayLead = `Rates of responses through a relay, relative to a plain relay in C, and the round-trip time. The
columns are those of [performance.md](performance.md).`

// relays returns the relays, which forward to a server on port to.
func relays(to string) []candidate {
	return []candidate{
		{name: limitRelay, args: []string{"DIR/relay", "ADDR", "PORT", to}},
		{name: "ohce link", stderr: true, args: []string{"DIR/ohce", "link", "--api", "none",
			"--listen", "ADDR:PORT", "--to", loopback.addr + ":" + to}},
	}
}

// relay compares relays. Each has a CPU core to itself. The load generator and the server, which is
// written in C and uses segments, share another one. The time that a relay adds to the round trip
// is the difference to a measurement without a relay.
func (s *session) relay(r *report) error {
	server := candidate{name: "server", args: []string{"DIR/gso", "ADDR", "PORT"}, cores: loadCore}
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
			direct, err := s.measureDirect(p, l)
			if err != nil {
				return err
			}
			title := "relays: added round-trip time, µs"
			if err := r.add(title, addedTable(results, direct), "", nil); err != nil {
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

// measureDirect measures the server without a relay.
func (s *session) measureDirect(p *process, l load) (result, error) {
	direct := result{name: noRelay}
	for range s.rounds {
		got, err := s.measureOnce(p, generator(s.dir, l.args, p.port, "64", s.seconds))
		if err != nil {
			return direct, fmt.Errorf("%s: %w", noRelay, err)
		}
		direct.samples = append(direct.samples, got)
	}
	return direct, nil
}

// addedTable returns a Markdown table of the round-trip times, and of the times that the relays
// add.
func addedTable(relays []result, direct result) string {
	text := "| relay | median | added | relative to C | 99th percentile | added |\n|---|---:|---:|---:|---:|---:|\n"
	base, _, _ := direct.spread(trip)
	base99, _, _ := direct.spread(p99)
	first := 0.0
	for i, r := range append([]result{direct}, relays...) {
		mid, _, _ := r.spread(trip)
		mid99, _, _ := r.spread(p99)
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
