package main

import (
	"fmt"
	"slices"
	"strings"
)

// loadLead explains the overview of the load generators.
const loadLead = `The honest rate of a load generator is the highest rate that meets both conditions:

- At least 99 % of the requests are sent within 1 ms of their due times.
- At least 99.9 % of the requests sent are answered.

The first condition allows 1 %, because the host of a virtual machine stops every program for some milliseconds
in a second. Each generator has one core. Its server has another one.

Most generators do not report whether requests are late. For them, and for the variants *late allowed*, a request
that is sent before the end of the run counts as sent in time.

The rates are relative to an open loop in C without batches under the same rule. Those with segments are relative
to a closed loop in C with segments.`

// overviewTable returns the rates as a Markdown table.
func overviewTable(results []toolResult) string {
	var b strings.Builder
	b.WriteString("| generator | honest rate, requests/s | relative to C |\n|---|---:|---:|\n")
	for _, r := range results {
		if r.tool.missing != "" {
			fmt.Fprintf(&b, "| %s | not measured: %s | – |\n", r.tool.name, r.tool.missing)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.tool.name, formatInt(int(r.median(capacityRate))),
			r.relative(results))
	}
	return b.String()
}

// toolTable returns all figures as a Markdown table.
func toolTable(results []toolResult) string {
	var b strings.Builder
	b.WriteString("| generator | server | honest rate, requests/s | range | relative to C " +
		"| late, % | lost, % | above the rate: late, % | lost, % | late means |\n" +
		"|---|---|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, r := range results {
		t := r.tool
		fmt.Fprintf(&b, "| %s | %s |", t.name, t.server.name)
		if t.missing != "" {
			fmt.Fprintf(&b, " – | – | – | – | – | – | – | not measured: %s |\n", t.missing)
			continue
		}
		low, high := r.spread()
		fmt.Fprintf(&b, " %s | %s–%s | %s |", formatInt(int(r.median(capacityRate))), formatInt(int(low)),
			formatInt(int(high)), r.relative(results))
		switch {
		case t.closed:
			b.WriteString(" – | – | – | – | no due times |\n")
			continue
		case r.median(capacityRate) == 0:
			b.WriteString(" – | – |")
		default:
			fmt.Fprintf(&b, " %.2f | %.2f |", r.median(lateWithin), r.median(lostWithin))
		}
		fmt.Fprintf(&b, " %.2f | %.2f | %s |\n", r.median(lateBeyond), r.median(lostBeyond), t.lateMeans())
	}
	return b.String()
}

// lateMeans describes the share of late requests.
func (t *tool) lateMeans() string {
	if t.timed {
		return "not sent within 1 ms"
	}
	return "not sent before the end"
}

// relative returns the ratio to the limit of the tool as text.
func (r *toolResult) relative(results []toolResult) string {
	i := slices.IndexFunc(results, func(other toolResult) bool { return other.tool.name == r.tool.limit })
	if i < 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", r.ratio(results[i]))
}
