package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A figure is one of those that a sample holds.
type figure func(sample) float64

func rate(s sample) float64 { return s.rate }
func cpu(s sample) float64  { return s.cpu }
func trip(s sample) float64 { return s.trip }
func p99(s sample) float64  { return s.p99 }

// figure is the one that a load is about, and what it is called.
func (l load) figure() (figure, string) {
	if l.trip {
		return trip, "round trip, µs"
	}
	return rate, "answers a second"
}

// spread is the median, the least and the greatest of a figure.
func (r result) spread(f figure) (mid, low, high float64) {
	var v []float64
	for _, s := range r.samples {
		v = append(v, f(s))
	}
	return median(v), slices.Min(v), slices.Max(v)
}

// ratio is the median of r's figure to that of other in the same round.
func (r result) ratio(other result, f figure) float64 {
	var v []float64
	for i := range min(len(r.samples), len(other.samples)) {
		v = append(v, f(r.samples[i])/f(other.samples[i]))
	}
	return median(v)
}

// median is the middle value, or the mean of both.
func median(v []float64) float64 {
	slices.Sort(v)
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func find(results []result, name string) result {
	for _, r := range results {
		if r.name == name {
			return r
		}
	}
	return result{}
}

// table is a load's medians, in Markdown.
func table(l load, results []result) string {
	var b strings.Builder
	f, unit := l.figure()
	limit, ours := find(results, l.limit), find(results, "ohce")
	against := "the limit"
	if len(ours.samples) == 0 { // a comparison of another kind
		ours, against = limit, "the first"
	}
	fmt.Fprintf(&b, "| server | %s | range | of %s | %s of it | CPU an answer, ns | of %s | MiB |\n",
		unit, against, ours.name, against)
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

// formatFigure writes a figure with its thousands apart; a small one gets a decimal.
func formatFigure(v float64) string {
	if v < 1000 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return formatInt(int(v + 0.5))
}

// formatInt writes a number with its thousands apart.
func formatInt(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
