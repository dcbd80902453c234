package main

import (
	"fmt"
	"slices"
	"strings"
)

// summaryTitles are the headings of the columns of a summary, by the name of the load.
var summaryTitles = map[string]string{
	"flood":  "open loop",
	"closed": "closed loop",
	"runs":   "segments",
	"trip":   "round trip, µs",
}

// A summary is the table at the top of a report: a column for each load, a row for each server that
// was measured under all of them. Rates are relative to the limit of the load.
type summary struct {
	loads   []load
	results [][]result // for each of loads
}

// add adds a column.
func (s *summary) add(l load, results []result) {
	s.loads = append(s.loads, l)
	s.results = append(s.results, results)
}

// table returns the summary as a Markdown table, or "" if it has no columns.
func (s *summary) table() string {
	if len(s.loads) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| server |")
	for _, l := range s.loads {
		fmt.Fprintf(&b, " %s |", summaryTitles[l.name])
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(s.loads)) + "\n")
	for _, r := range s.results[0] {
		if cells, ok := s.row(r.name); ok {
			fmt.Fprintf(&b, "| %s | %s |\n", r.name, strings.Join(cells, " | "))
		}
	}
	return b.String()
}

// row returns the cells of a server, or false if a load was not measured with it.
func (s *summary) row(name string) (cells []string, ok bool) {
	for i, l := range s.loads {
		ours, found := resultOf(s.results[i], name)
		limit, hasLimit := resultOf(s.results[i], l.limit)
		switch {
		case !found || !hasLimit && !l.trip:
			return nil, false
		case l.trip:
			mid, _, _ := ours.spread(trip)
			cells = append(cells, fmt.Sprintf("%.1f", mid))
		default:
			cells = append(cells, fmt.Sprintf("%.2f", ours.ratio(limit, rate)))
		}
	}
	return cells, true
}

// resultOf returns the result with the given name, and reports whether there is one.
func resultOf(results []result, name string) (result, bool) {
	i := slices.IndexFunc(results, func(r result) bool { return r.name == name })
	if i < 0 {
		return result{}, false
	}
	return results[i], true
}
