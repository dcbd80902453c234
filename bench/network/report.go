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

// enough is how many exchanges a cell must have for bars that compare small shares.
const enough = 10_000

// A report is what is written about a matrix.
type report struct {
	exchanges int
	results   []result
	sample    []result // on real sockets
}

// A bar is something promised, with what was shown.
type bar struct {
	what, shown string
	missed      bool
}

func (b bar) String() string {
	if b.missed {
		return b.what + ": " + b.shown + ": MISSED"
	}
	return b.what + ": " + b.shown
}

// bars are those of the matrix. The ones that compare shares are judged with enough exchanges only.
func (r *report) bars() []bar {
	all := []bar{
		right("wrong answers with MatchExact", r.results), right("the same on real sockets", r.sample),
		likely("unanswered with the linear schedule, against 1 − (1 − (1 − p)²)⁵, in 3 standard errors", r.results),
		likely("the same on real sockets", r.sample), r.once(),
	}
	if r.exchanges < enough {
		return all
	}
	const quick = 20 * ms
	return append(all,
		r.fewer("at 10 and 30 % up to 20 ms", 5, func(c cell) bool {
			return (c.loss == 0.1 || c.loss == 0.3) && c.trip <= quick
		}),
		r.fewer("at 10 and 30 % and 150 ms", 2, func(c cell) bool {
			return (c.loss == 0.1 || c.loss == 0.3) && c.trip == 150*ms
		}),
		r.fewer("at 50 % up to 20 ms", 2, func(c cell) bool { return c.loss == 0.5 && c.trip <= quick }),
		r.sooner(func(c cell) bool { return c.loss == 0.1 && c.trip <= quick }),
	)
}

// right: no answer is wrong.
func right(what string, results []result) bar {
	wrong, n := 0, 0
	for i := range results {
		c := &results[i]
		wrong += c.linear.wrong + c.adaptive.wrong
		n += len(c.linear.took) + len(c.adaptive.took)
	}
	return bar{what, fmt.Sprintf("%d of %s", wrong, group(n)), wrong > 0}
}

// likely: the linear schedule does what probability says.
func likely(what string, results []result) bar {
	off := 0
	for i := range results {
		c := &results[i]
		missed := c.linear.exchanges - len(c.linear.took)
		if !plausible(missed, c.linear.exchanges, c.unanswered(linear.retry.Attempts())) {
			off++
		}
	}
	// Of so many cells, chance alone puts a few out: more than these one time in a thousand.
	most := 0
	for 1-atMost(most, len(results), 2*tail) > 0.001 {
		most++
	}
	shown := fmt.Sprintf("%d of %d cells are outside (chance alone: %.2f)", off, len(results),
		2*tail*float64(len(results)))
	return bar{what, shown, off > most}
}

// once: without loss the adaptive client sends each request once. Where the delay varies by a quarter each
// way, a few round trips are longer than any before; there it is to be 1.00 in two digits.
func (r *report) once() bar {
	b := bar{what: "adaptive: datagrams an exchange where nothing is lost, exactly 1.00"}
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
	b.shown = fmt.Sprintf("%.4f at most; where the delay varies, %.4f", steady, varying)
	b.missed = steady != 1 || varying >= 1.005 && r.exchanges >= enough
	return b
}

// fewer: the adaptive client leaves so many times fewer unanswered than the linear one.
func (r *report) fewer(where string, times float64, in func(cell) bool) bar {
	b := bar{what: fmt.Sprintf("adaptive: unanswered %s, at most 1/%g of the linear one", where, times)}
	var shown []string
	for i := range r.results {
		c := &r.results[i]
		if !c.plain() || !in(c.cell) {
			continue
		}
		shown = append(shown, fmt.Sprintf("%.4f of %.4f", c.adaptive.missed(), c.linear.missed()))
		b.missed = b.missed || c.adaptive.missed()*times > c.linear.missed()
	}
	b.shown = strings.Join(shown, ", ")
	return b
}

// sooner: the 99th percentile of the adaptive client is at most half of the linear one.
func (r *report) sooner(in func(cell) bool) bar {
	b := bar{what: "adaptive: p99 at 10 % up to 20 ms, at most half of the linear one"}
	var shown []string
	for i := range r.results {
		c := &r.results[i]
		if !c.plain() || !in(c.cell) {
			continue
		}
		ours, ok := c.adaptive.quantile(0.99)
		theirs, both := c.linear.quantile(0.99)
		shown = append(shown, fmt.Sprintf("%s of %s", took(ours, ok), took(theirs, both)))
		b.missed = b.missed || !ok || !both || 2*ours > theirs
	}
	b.shown = strings.Join(shown, ", ")
	return b
}

// lead explains the table at the top.
const lead = `How many requests get no response within 1.5 s, how long the others take, and how many datagrams a request
needs: with the linear schedule, which is the default, and the adaptive one.`

// write writes the report, with its pictures in a folder beside it that is named like it.
func (r *report) write(file string) error {
	folder := strings.TrimSuffix(file, filepath.Ext(file))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	err := cmp.Or(r.draw(filepath.Join(folder, "unanswered.svg"), "unanswered within 1.5 s", (*outcome).missed),
		r.draw(filepath.Join(folder, "datagrams.svg"), "datagrams an exchange", (*outcome).datagrams))
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
	for _, bar := range r.bars() {
		shown := bar.shown
		if bar.missed {
			shown = "**missed:** " + shown
		}
		fmt.Fprintf(&b, "| %s | %s |\n", bar.what, shown)
	}
	fmt.Fprintf(&b, "\n## All losses and delays\n\n![datagrams](%s/datagrams.svg)\n\n", base)
	r.table(&b, r.results, cell.plain)
	b.WriteString("\n## On real sockets\n\nThrough the relay of `ohce link` on loopback, in real time, with " +
		fmt.Sprintf("%d exchanges for each cell and client, %d of them concurrent.\n\n",
			r.sample[0].linear.exchanges, atOnce))
	r.table(&b, r.sample, func(cell) bool { return true })
	b.WriteString("\n## Duplication, reordering and corruption\n\nCells with 10 % duplicated datagrams, " +
		"reordering and 1 % corrupted datagrams, alone and combined.\n\n")
	r.table(&b, r.results, func(c cell) bool { return !c.plain() })
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// table writes the results that are chosen.
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
			c.trip, c.besides(), c.linear.missed(), c.unanswered(linear.retry.Attempts()), c.adaptive.missed(),
			took(c.linear.quantile(0.5)), took(c.adaptive.quantile(0.5)), took(c.linear.quantile(0.99)),
			took(c.adaptive.quantile(0.99)), c.linear.datagrams(), c.adaptive.datagrams())
	}
}

// besides lists what a cell does besides loss and delay.
func (c cell) besides() string {
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

// took writes a time, or that there is none.
func took(d time.Duration, ok bool) string {
	switch {
	case !ok:
		return "–"
	case d < 10*ms:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(ms).String()
	}
}

// group writes a number with its thousands apart.
func group(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
