package network

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// minExchanges is the number of exchanges in a cell needed to judge criteria about small shares.
const minExchanges = 10_000

// A report holds the results of a run.
type report struct {
	exchanges int
	results   []result
	sample    []result // on real sockets
}

// A criterion is a requirement with the measured result.
type criterion struct {
	name, measured string
	failed         bool
}

func (c criterion) String() string {
	if c.failed {
		return c.name + ": " + c.measured + ": MISSED"
	}
	return c.name + ": " + c.measured
}

// criteria returns all criteria. It leaves out those that compare small shares if there are fewer
// than minExchanges exchanges.
func (r *report) criteria() []criterion {
	all := []criterion{
		noWrongResponses("wrong responses with MatchExact", r.results),
		noWrongResponses("wrong responses on real sockets", r.sample),
		matchesProbability("linear: unanswered, within 3 standard errors of the computed share", r.results),
		matchesProbability("linear: the same on real sockets", r.sample),
		r.sendsOnce(),
	}
	if r.exchanges < minExchanges {
		return all
	}
	const maxTrip = 20 * ms
	return append(all,
		r.fewerUnanswered("at 10 % and 30 % loss, round trip up to 20 ms", 5, func(c cell) bool {
			return (c.loss == 0.1 || c.loss == 0.3) && c.trip <= maxTrip
		}),
		r.fewerUnanswered("at 10 % and 30 % loss, round trip 150 ms", 2, func(c cell) bool {
			return (c.loss == 0.1 || c.loss == 0.3) && c.trip == 150*ms
		}),
		r.fewerUnanswered("at 50 % loss, round trip up to 20 ms", 2, func(c cell) bool {
			return c.loss == 0.5 && c.trip <= maxTrip
		}),
		r.lowerP99(func(c cell) bool { return c.loss == 0.1 && c.trip <= maxTrip }),
	)
}

// noWrongResponses requires that no response is wrong.
func noWrongResponses(name string, results []result) criterion {
	wrong, n := 0, 0
	for i := range results {
		c := &results[i]
		wrong += c.linear.wrong + c.adaptive.wrong
		n += len(c.linear.elapsed) + len(c.adaptive.elapsed)
	}
	return criterion{name, fmt.Sprintf("%d of %s", wrong, groupThousands(n)), wrong > 0}
}

// matchesProbability requires that the share of exchanges without a response is that computed from
// the loss, for the linear schedule.
func matchesProbability(name string, results []result) criterion {
	off := 0
	for i := range results {
		c := &results[i]
		missed := c.linear.exchanges - len(c.linear.elapsed)
		if !plausible(missed, c.linear.exchanges, c.unanswered(linear.retry.Attempts())) {
			off++
		}
	}
	// By chance, a few cells are outside: more than maxOff with a probability of 0.001.
	maxOff := 0
	for 1-atMost(maxOff, len(results), 2*tailProbability) > 0.001 {
		maxOff++
	}
	shown := fmt.Sprintf("outside in %d of %d cells (expected by chance: %.2f)", off, len(results),
		2*tailProbability*float64(len(results)))
	return criterion{name, shown, off > maxOff}
}

// sendsOnce requires that, without loss, the adaptive client sends each request once. If the delay
// varies by a quarter in each direction, a few round trips are longer than any before. For such
// cells, the mean must be 1.00 when rounded to two decimals.
func (r *report) sendsOnce() criterion {
	b := criterion{name: "adaptive: datagrams per exchange without loss, exactly 1.00"}
	steady, varying := 0.0, 0.0
	for i := range r.results {
		c := &r.results[i]
		switch {
		case c.loss != 0 || c.corrupt != 0:
		case c.reorder:
			varying = max(varying, c.adaptive.datagrams())
		default:
			steady = max(steady, c.adaptive.datagrams())
		}
	}
	b.measured = fmt.Sprintf("at most %.4f; with varying delay, %.4f", steady, varying)
	b.failed = steady != 1 || varying >= 1.005 && r.exchanges >= minExchanges
	return b
}

// fewerUnanswered requires that the adaptive client leaves at most 1/times as many exchanges
// unanswered as the linear one.
func (r *report) fewerUnanswered(where string, times float64, in func(cell) bool) criterion {
	b := criterion{name: fmt.Sprintf("adaptive: unanswered %s, at most 1/%g of linear", where, times)}
	var shown []string
	for i := range r.results {
		c := &r.results[i]
		if !c.plain() || !in(c.cell) {
			continue
		}
		shown = append(shown, fmt.Sprintf("%.4f of %.4f", c.adaptive.unansweredShare(),
			c.linear.unansweredShare()))
		b.failed = b.failed || c.adaptive.unansweredShare()*times > c.linear.unansweredShare()
	}
	b.measured = strings.Join(shown, ", ")
	return b
}

// lowerP99 requires that the 99th percentile of the adaptive client is at most half of the linear
// one.
func (r *report) lowerP99(in func(cell) bool) criterion {
	b := criterion{name: "adaptive: p99 at 10 % loss, round trip up to 20 ms, at most 1/2 of linear"}
	var shown []string
	for i := range r.results {
		c := &r.results[i]
		if !c.plain() || !in(c.cell) {
			continue
		}
		ours, ok := c.adaptive.quantile(0.99)
		theirs, both := c.linear.quantile(0.99)
		shown = append(shown, fmt.Sprintf("%s of %s", formatTime(ours, ok), formatTime(theirs, both)))
		b.failed = b.failed || !ok || !both || 2*ours > theirs
	}
	b.measured = strings.Join(shown, ", ")
	return b
}

// lead explains the table at the top.
const lead = `This page compares the linear schedule, which is the default, with the adaptive one: the share of requests
without a response within 1.5 s, the median and the 99th percentile of the time to a response, and how many datagrams a
request needs. A request without a response counts as one that takes forever. *Also* names further
impairments, and *computed* is the theoretical share for the linear schedule.`

// write writes the report to file. The pictures are in a folder beside the file, with the same name
// without the extension.
func (r *report) write(file string) error {
	folder := strings.TrimSuffix(file, filepath.Ext(file))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	err := cmp.Or(
		r.draw(filepath.Join(folder, "unanswered.svg"), "unanswered within 1.5 s",
			(*outcome).unansweredShare),
		r.draw(filepath.Join(folder, "datagrams.svg"), "datagrams per exchange", (*outcome).datagrams))
	remarks, readErr := os.ReadFile("remarks.md")
	if err := errors.Join(err, readErr); err != nil {
		return err
	}
	base := filepath.Base(folder)
	var b strings.Builder
	fmt.Fprintf(&b, "# Clients in bad networks\n\n%s\n\n", lead)
	r.table(&b, r.results, func(c cell) bool { return c.plain() && (c.loss == 0.1 || c.loss == 0.3) })
	fmt.Fprintf(&b, "\n![unanswered](%s/unanswered.svg)\n\n## Measurement\n\n```console\n"+
		"$ make network EXCHANGES=%d   # %s\n```\n\n%s\n", base, r.exchanges, runtime.Version(), remarks)
	b.WriteString("## Criteria\n\n| criterion | measured |\n|---|---|\n")
	for _, c := range r.criteria() {
		measured := c.measured
		if c.failed {
			measured = "**missed:** " + measured
		}
		fmt.Fprintf(&b, "| %s | %s |\n", c.name, measured)
	}
	fmt.Fprintf(&b, "\n## All losses and delays\n\n![datagrams](%s/datagrams.svg)\n\n", base)
	r.table(&b, r.results, cell.plain)
	b.WriteString("\n## On real sockets\n\nThrough the relay of `ohce link` on loopback, in real time, with " +
		fmt.Sprintf("%d exchanges for each cell and client, %d of them concurrent.\n\n",
			r.sample[0].linear.exchanges, concurrency))
	r.table(&b, r.sample, func(cell) bool { return true })
	b.WriteString("\n## Duplication, reordering and corruption\n\nCells with 10 % duplicated datagrams, " +
		"reordering and 1 % corrupted datagrams, alone and combined.\n\n")
	r.table(&b, r.results, func(c cell) bool { return !c.plain() })
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// table writes a table of the results for which in is true.
func (r *report) table(b *strings.Builder, results []result, in func(cell) bool) {
	b.WriteString("| loss each way | round trip | also | unanswered: linear | computed | adaptive " +
		"| median: linear | adaptive | p99: linear | adaptive | datagrams: linear | adaptive |\n")
	b.WriteString("|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for i := range results {
		c := &results[i]
		if !in(c.cell) {
			continue
		}
		fmt.Fprintf(b, "| %g %% | %v | %s | %.4f | %.4f | %.4f | %s | %s | %s | %s | %.2f | %.2f |\n", c.loss*100,
			c.trip, c.otherImpairments(), c.linear.unansweredShare(),
			c.unanswered(linear.retry.Attempts()), c.adaptive.unansweredShare(),
			formatTime(c.linear.quantile(0.5)), formatTime(c.adaptive.quantile(0.5)),
			formatTime(c.linear.quantile(0.99)), formatTime(c.adaptive.quantile(0.99)),
			c.linear.datagrams(), c.adaptive.datagrams())
	}
}

// otherImpairments lists the impairments of a cell besides loss and delay.
func (c cell) otherImpairments() string {
	var all []string
	if c.duplicate > 0 {
		all = append(all, "duplicated")
	}
	if c.reorder {
		all = append(all, "reordered")
	}
	if c.corrupt > 0 {
		all = append(all, "corrupted")
	}
	return strings.Join(all, ", ")
}

// formatTime formats d, or returns a dash if ok is false.
func formatTime(d time.Duration, ok bool) string {
	switch {
	case !ok:
		return "–"
	case d < 10*ms:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(ms).String()
	}
}

// groupThousands formats n with thousands separators.
func groupThousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
