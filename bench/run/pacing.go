package main

import (
	"fmt"
	"slices"
)

// pacingRate is the rate at which the lag of ohce load is measured, in requests a second.
const pacingRate = 100_000

// pacing reports the lag of ohce load at a fixed rate. It measures nothing if no tool uses the
// server of ohce load.
func (s *session) pacing(r *report, servers map[string]*process) error {
	all := tools()
	t := all[slices.IndexFunc(all, func(t *tool) bool { return t.name == toolOhce })]
	p := servers[t.server.name]
	if p == nil {
		return nil
	}
	var lags []lag
	for range s.rounds {
		got, err := t.runTwice(s.dir, p.port, pacingRate, s.seconds)
		if err != nil {
			return err
		}
		lags = append(lags, got.lag)
	}
	title := fmt.Sprintf("pacing error of ohce load at %s requests a second, %d rounds",
		formatInt(pacingRate), s.rounds)
	return r.add(title, pacingTable(lags), "", nil)
}

// pacingTable returns the lags as a Markdown table.
func pacingTable(lags []lag) string {
	var medians, p99s []float64
	for _, l := range lags {
		medians, p99s = append(medians, l.Median), append(p99s, l.P99)
	}
	text := "| time from the due time to the transmission | ms | range |\n|---|---:|---:|\n"
	for _, row := range []struct {
		name string
		v    []float64
	}{{"median", medians}, {"99th percentile", p99s}} {
		text += fmt.Sprintf("| %s | %.3f | %.3f–%.3f |\n", row.name, median(row.v), slices.Min(row.v),
			slices.Max(row.v))
	}
	return text
}
