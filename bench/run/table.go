package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A figure returns one of the values of a sample.
type figure func(sample) float64

func rate(s sample) float64 { return s.rate }
func cpu(s sample) float64  { return s.cpu }
func trip(s sample) float64 { return s.trip }
func p99(s sample) float64  { return s.p99 }

// figure returns the figure that a load measures, and its name with the unit.
func (l load) figure() (figure, string) {
	if l.trip {
		return trip, "round trip, µs"
	}
	return rate, "responses/s"
}

// spread returns the median, the minimum and the maximum of a figure.
func (r result) spread(f figure) (mid, low, high float64) {
	var v []float64
	for _, s := range r.samples {
		v = append(v, f(s))
	}
	return median(v), slices.Min(v), slices.Max(v)
}

// ratio returns the median of the ratios of r's figure to that of other in the same round.
func (r result) ratio(other result, f figure) float64 {
	var v []float64
	for i := range min(len(r.samples), len(other.samples)) {
		v = append(v, f(r.samples[i])/f(other.samples[i]))
	}
	return median(v)
}

// median returns the median of v, or 0 if v is empty. It sorts v.
func median(v []float64) float64 {
	slices.Sort(v)
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// find returns the result with the given name, or the zero result if there is none.
func find(results []result, name string) result {
	for _, r := range results {
		if r.name == name {
			return r
		}
	}
	return result{}
}

// table returns a Markdown table of the results of a load.
func table(l load, results []result) string {
	var b strings.Builder
	f, unit := l.figure()
	limit, ours := find(results, l.limit), find(results, "ohce")
	against := "the limit"
	if len(ours.samples) == 0 { // no limit and ohce among the results: compare with the first
		ours, against = limit, "the first"
	}
	fmt.Fprintf(&b, "| server | %s | range | relative to %s | %s relative to it "+
		"| CPU per response, ns | relative to %s | MiB |\n", unit, against, ours.name, against)
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range results {
		mid, low, high := r.spread(f)
		midCPU, _, _ := r.spread(cpu)
		fmt.Fprintf(&b, "| %s | %s | %s–%s | %.2f | %.2f | %s | %.2f | %.0f |\n", r.name, formatFigure(mid),
			formatFigure(low), formatFigure(high), r.ratio(limit, f), ours.ratio(r, f), formatFigure(midCPU),
			r.ratio(limit, cpu), r.memory)
	}
	return b.String()
}

// formatFigure formats a figure with thousands separators. Figures below 1,000 have one decimal.
func formatFigure(v float64) string {
	if v < 1000 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return formatInt(int(v + 0.5))
}

// formatInt formats an integer with thousands separators.
func formatInt(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
