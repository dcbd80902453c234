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

// minExchanges is how many exchanges a cell must have for bars that compare small shares.
const minExchanges = 10_000

// A report is what is written about a matrix.
type report struct {
	exchanges int
	results   []result
	sample    []result // on real sockets
}

// A criterion is something promised, with what was shown.
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

// criteria are those of the matrix. The ones that compare shares are judged with minExchanges exchanges only.
func (r *report) criteria() []criterion {
	all := []criterion{
		noWrongResponses("wrong answers with MatchExact", r.results), noWrongResponses("the same on real sockets", r.sample),
		matchesProbability("unanswered with the linear schedule, against 1 − (1 − (1 − p)²)⁵, in 3 standard errors", r.results),
		matchesProbability("the same on real sockets", r.sample), r.sendsOnce(),
	}
	if r.exchanges < minExchanges {
		return all
	}
	const quick = 20 * ms
	return append(all,
		r.fewerUnanswered("at 10 and 30 % up to 20 ms", 5, func(c cell) bool {
			return (c.loss == 0.1 || c.loss == 0.3) && c.trip <= quick
		}),
		r.fewerUnanswered("at 10 and 30 % and 150 ms", 2, func(c cell) bool {
			return (c.loss == 0.1 || c.loss == 0.3) && c.trip == 150*ms
		}),
		r.fewerUnanswered("at 50 % up to 20 ms", 2, func(c cell) bool { return c.loss == 0.5 && c.trip <= quick }),
		r.lowerP99(func(c cell) bool { return c.loss == 0.1 && c.trip <= quick }),
	)
}

// noWrongResponses: no answer is wrong.
func noWrongResponses(name string, results []result) criterion {
	wrong, n := 0, 0
	for i := range results {
		c := &results[i]
		wrong += c.linear.wrong + c.adaptive.wrong
		n += len(c.linear.elapsed) + len(c.adaptive.elapsed)
	}
	return criterion{name, fmt.Sprintf("%d of %s", wrong, groupThousands(n)), wrong > 0}
}

// matchesProbability: the linear schedule does what probability says.
func matchesProbability(name string, results []result) criterion {
	off := 0
	for i := range results {
		c := &results[i]
		missed := c.linear.exchanges - len(c.linear.elapsed)
		if !plausible(missed, c.linear.exchanges, c.unanswered(linear.retry.Attempts())) {
			off++
		}
	}
	// Of so many cells, chance alone puts a few out: more than these one time in a thousand.
	most := 0
	for 1-atMost(most, len(results), 2*tailProbability) > 0.001 {
		most++
	}
	shown := fmt.Sprintf("%d of %d cells are outside (chance alone: %.2f)", off, len(results),
		2*tailProbability*float64(len(results)))
	return criterion{name, shown, off > most}
}

// sendsOnce: without loss the adaptive client sends each request once. Where the delay varies by a quarter each
// way, a few round trips are longer than any before; there it is to be 1.00 in two digits.
func (r *report) sendsOnce() criterion {
	b := criterion{name: "adaptive: datagrams an exchange where nothing is lost, exactly 1.00"}
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
	b.measured = fmt.Sprintf("%.4f at most; where the delay varies, %.4f", steady, varying)
	b.failed = steady != 1 || varying >= 1.005 && r.exchanges >= minExchanges
	return b
}

// fewerUnanswered: the adaptive client leaves so many times fewer unanswered than the linear one.
func (r *report) fewerUnanswered(where string, times float64, in func(cell) bool) criterion {
	b := criterion{name: fmt.Sprintf("adaptive: unanswered %s, at most 1/%g of the linear one", where, times)}
	var shown []string
	for i := range r.results {
		c := &r.results[i]
		if !c.plain() || !in(c.cell) {
			continue
		}
		shown = append(shown, fmt.Sprintf("%.4f of %.4f", c.adaptive.unansweredShare(), c.linear.unansweredShare()))
		b.failed = b.failed || c.adaptive.unansweredShare()*times > c.linear.unansweredShare()
	}
	b.measured = strings.Join(shown, ", ")
	return b
}

// lowerP99: the 99th percentile of the adaptive client is at most half of the linear one.
func (r *report) lowerP99(in func(cell) bool) criterion {
	b := criterion{name: "adaptive: p99 at 10 % up to 20 ms, at most half of the linear one"}
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

// write writes the report, with its pictures in a folder beside it that is named like it.
func (r *report) write(file string) error {
	folder := strings.TrimSuffix(file, filepath.Ext(file))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	err := cmp.Or(r.draw(filepath.Join(folder, "unanswered.svg"), "unanswered within 1.5 s", (*outcome).unansweredShare),
		r.draw(filepath.Join(folder, "datagrams.svg"), "datagrams an exchange", (*outcome).datagrams))
	remarks, readErr := os.ReadFile("remarks.md")
	if err := errors.Join(err, readErr); err != nil {
		return err
	}
	base := filepath.Base(folder)
	var b strings.Builder
	fmt.Fprintf(&b, "# Through bad networks\n\nCommand (%s):\n\n```console\n$ make network EXCHANGES=%d\n```\n\n%s\n## What was promised\n\n| what | shown |\n|---|---|\n", runtime.Version(), r.exchanges, remarks)
	for _, c := range r.criteria() {
		measured := c.measured
		if c.failed {
			measured = "**missed:** " + measured
		}
		fmt.Fprintf(&b, "| %s | %s |\n", c.name, measured)
	}
	fmt.Fprintf(&b, "\n## Loss and delay\n\n![unanswered](%s/unanswered.svg)\n\n![datagrams](%s/datagrams.svg)\n\n",
		base, base)
	r.table(&b, r.results, cell.plain)
	b.WriteString("\n## On real sockets\n\nThe same through the relay of `ohce link`, on loopback and in real time, " +
		fmt.Sprintf("%d exchanges a cell and client, %d at once.\n\n", r.sample[0].linear.exchanges, concurrency))
	r.table(&b, r.sample, func(cell) bool { return true })
	b.WriteString("\n## All cells\n\nBesides the above: 10 % doubled, reordered, 1 % damaged, and all of it " +
		"together.\n\n")
	r.table(&b, r.results, func(c cell) bool { return !c.plain() })
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// table writes the results that are chosen.
func (r *report) table(b *strings.Builder, results []result, in func(cell) bool) {
	b.WriteString("| loss each way | round trip | besides | unanswered: linear | by chance | adaptive " +
		"| median: linear | adaptive | p99: linear | adaptive | datagrams: linear | adaptive |\n")
	b.WriteString("|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for i := range results {
		c := &results[i]
		if !in(c.cell) {
			continue
		}
		fmt.Fprintf(b, "| %g %% | %v | %s | %.4f | %.4f | %.4f | %s | %s | %s | %s | %.2f | %.2f |\n", c.loss*100,
			c.trip, c.otherImpairments(), c.linear.unansweredShare(), c.unanswered(linear.retry.Attempts()), c.adaptive.unansweredShare(),
			formatTime(c.linear.quantile(0.5)), formatTime(c.adaptive.quantile(0.5)), formatTime(c.linear.quantile(0.99)),
			formatTime(c.adaptive.quantile(0.99)), c.linear.datagrams(), c.adaptive.datagrams())
	}
}

// otherImpairments lists what a cell does besides loss and delay.
func (c cell) otherImpairments() string {
	var all []string
	if c.duplicate > 0 {
		all = append(all, "doubled")
	}
	if c.reorder {
		all = append(all, "reordered")
	}
	if c.corrupt > 0 {
		all = append(all, "damaged")
	}
	return strings.Join(all, ", ")
}

// formatTime writes a time, or that there is none.
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

// groupThousands writes a number with its thousands apart.
func groupThousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
