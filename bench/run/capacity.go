package main

import (
	"fmt"
	"log"
	"slices"
)

// The factors from one rate to the next in the first round, and in the others, which begin at the
// median of the results so far.
const (
	firstFactor = 2
	laterFactor = 1.2
)

// A capacity is the result of a tool in one round.
type capacity struct {
	rate   float64 // highest rate at which a trial succeeded; 0 if there is none
	within trial   // the trial at that rate
	beyond trial   // the last trial at the lowest rate that was too high
}

// A toolResult is the result of a tool.
type toolResult struct {
	tool   *tool
	rounds []capacity
}

// tools compares load generators. A generator has a CPU core to itself, and its server another one.
func (s *session) tools(r *report, with string) error {
	all, err := selectTools(s.dir, with)
	if err != nil {
		return err
	}
	servers, err := s.startServers(all)
	defer func() {
		for _, p := range servers {
			p.end()
		}
	}()
	if err != nil {
		return err
	}
	results := make([]toolResult, len(all))
	for round := range s.rounds {
		for i := range all {
			i = (i + round) % len(all) // vary which tool is measured first
			results[i].tool = all[i]
			if all[i].missing != "" {
				continue
			}
			c, err := s.capacity(all[i], servers[all[i].server.name].port, results[i].start())
			if err != nil {
				return err
			}
			results[i].rounds = append(results[i].rounds, c)
			log.Printf("round %d, %s: %s requests/s", round+1, all[i].name, formatInt(int(c.rate)))
		}
	}
	r.lead, r.table = loadLead, overviewTable(results)
	title := fmt.Sprintf("load generators, 64 bytes, %d rounds", s.rounds)
	if err := r.add(title, toolTable(results), "", nil); err != nil {
		return err
	}
	return s.pacing(r, servers)
}

// startServers starts the servers of the tools that can run, by name.
func (s *session) startServers(all []*tool) (map[string]*process, error) {
	servers := make(map[string]*process)
	for _, t := range all {
		if t.missing != "" || servers[t.server.name] != nil {
			continue
		}
		p, err := t.server.start(s.dir, loopback)
		if err != nil {
			return servers, err
		}
		servers[t.server.name] = p
	}
	return servers, nil
}

// start returns the rate of the first trial in the next round, or 0 in the first round.
func (r *toolResult) start() int { return int(r.median(capacityRate)) }

// capacity searches the highest rate at which the trials of a tool succeed. It begins at the given
// rate, or at that of the tool if start is 0.
func (s *session) capacity(t *tool, port string, start int) (c capacity, err error) {
	if t.closed {
		c.within, err = t.runTwice(s.dir, port, 1, s.seconds)
		c.rate = float64(c.within.answered)
		return c, err
	}
	search := newRateSearch(start, laterFactor, s.precision)
	if start == 0 {
		search = newRateSearch(t.start, firstFactor, s.precision)
	}
	for {
		rate, ok := search.next()
		if !ok {
			break
		}
		got, err := t.runTwice(s.dir, port, rate, s.seconds)
		if err != nil {
			return c, fmt.Errorf("at %d a second: %w", rate, err)
		}
		search.observe(got.success())
		switch rate {
		case search.low:
			c.within = got
		case search.high:
			c.beyond = got
		}
	}
	c.rate = float64(search.low)
	return c, nil
}

// A capacityFigure returns one of the values of a capacity.
type capacityFigure func(capacity) float64

func capacityRate(c capacity) float64 { return c.rate }
func lateWithin(c capacity) float64   { return 100 * c.within.late() }
func lostWithin(c capacity) float64   { return 100 * c.within.lost() }
func lateBeyond(c capacity) float64   { return 100 * c.beyond.late() }
func lostBeyond(c capacity) float64   { return 100 * c.beyond.lost() }

// median returns the median of a figure over the rounds, or 0 if there are none.
func (r *toolResult) median(f capacityFigure) float64 {
	var v []float64
	for _, c := range r.rounds {
		v = append(v, f(c))
	}
	return median(v)
}

// spread returns the lowest and the highest rate.
func (r *toolResult) spread() (low, high float64) {
	var v []float64
	for _, c := range r.rounds {
		v = append(v, c.rate)
	}
	return slices.Min(v), slices.Max(v)
}

// ratio returns the median of the ratios of r's rate to that of other in the same round. It leaves
// out the rounds in which other has no rate.
func (r *toolResult) ratio(other toolResult) float64 {
	var v []float64
	for i := range min(len(r.rounds), len(other.rounds)) {
		if other.rounds[i].rate > 0 {
			v = append(v, r.rounds[i].rate/other.rounds[i].rate)
		}
	}
	return median(v)
}
