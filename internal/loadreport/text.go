package loadreport

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

// WriteText writes a summary for a terminal, at most 79 columns wide except for long names. Rare
// counts appear only if they are not 0.
func WriteText(w io.Writer, h Header, r *measure.Report) error {
	lines := []string{
		fmt.Sprintf("load %s, %s", safetext.Escape(h.Target), elapsed(r.Duration.Duration())),
		textCounts(r),
	}
	if r.SentRate > 0 {
		rates := fmt.Sprintf("sent %s, answered %s", rate(r.SentRate), rate(r.AnsweredRate))
		if !closed(r) {
			rates = fmt.Sprintf("asked %s, ", rate(r.AskedRate)) + rates
		}
		lines = append(lines, rates)
	}
	lines = append(lines, textTable(r)...)
	if r.ByDirection != nil {
		lines = append(lines, "by direction: "+r.ByDirection.String())
	}
	if own := textOwn(r.Own); own != "" {
		lines = append(lines, "this machine: "+own)
	}
	lines = append(lines, notes(r)...)
	if !r.Trustworthy {
		lines = append(append(lines, trust(r)), Doubts(r)...)
	}
	for i, line := range lines {
		lines[i] = wrap(line, 79)
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// textCounts returns the line with the counts.
func textCounts(r *measure.Report) string {
	lost := "0.0 %"
	if r.Lost > 0 {
		lost = lostShare(r)
	}
	text := fmt.Sprintf("%d asked, %d sent, %d answered, %d lost (%s)", r.Asked, r.Sent, r.Answered,
		r.Lost, lost)
	if closed(r) {
		_, text, _ = strings.Cut(text, ", ")
	}
	return text + rare([]namedCount{
		{r.Late, "late"}, {r.Wrong, "wrong"}, {r.Refused, "refused"}, {r.Unreachable, "unreachable"},
		{r.InFlight, "in flight"}, {r.Duplicates, "duplicates"}, {r.Reordered, "reordered"},
		{r.Unexpected, "unexpected"}, {r.Ambiguous, "ambiguous"},
	})
}

// lostShare returns the share of the requests without any response, with two significant digits. The
// loss includes requests with a late or wrong response, too.
func lostShare(r *measure.Report) string {
	return significant(100*float64(r.Lost)/float64(max(r.Sent, 1)), 2) + " %"
}

// textOwn returns the failures of this machine, or nothing.
func textOwn(own measure.Own) string {
	return strings.TrimPrefix(rare([]namedCount{
		{own.Missed, "sent too late or not at all"}, {own.Refused, "refused by the system"},
		{own.Overflow, "responses dropped"},
	}), ", ")
}

type namedCount struct {
	n    int
	name string
}

// rare lists the counts that are not 0, each after a comma.
func rare(counts []namedCount) (text string) {
	for _, c := range counts {
		if c.n != 0 {
			text += fmt.Sprintf(", %d %s", c.n, c.name)
		}
	}
	return text
}

// textTable returns the table of latencies and service times in milliseconds, if there are any.
func textTable(r *measure.Report) []string {
	if r.Answered == 0 {
		return nil
	}
	names := []string{"min", "mean", "median", "p90", "p99", "p99.9", "max"}
	header := fmt.Sprintf("%-8s", "ms")
	for _, name := range names {
		header += fmt.Sprintf(" %9s", name)
	}
	lines := []string{header}
	for _, row := range []struct {
		name string
		d    measure.Distribution
	}{{"latency", r.Latency}, {"service", r.Service}} {
		line := fmt.Sprintf("%-8s", row.name)
		for _, column := range distributionColumns {
			line += fmt.Sprintf(" %9s", textMillis(column.of(row.d)))
		}
		lines = append(lines, line)
	}
	return lines
}

// textMillis formats d in milliseconds in at most 9 characters, up to 27 hours.
func textMillis(d time.Duration) string {
	ms := inMillis(d)
	decimals := 3
	for limit := 100_000.0; ms >= limit-0.0005 && decimals > 0; limit *= 10 {
		decimals--
	}
	return fmt.Sprintf("%.*f", decimals, ms)
}

// wrap breaks a line that is longer than width at spaces.
func wrap(line string, width int) string {
	if len(line) <= width || strings.HasPrefix(line, "load ") {
		return line
	}
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(line) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
