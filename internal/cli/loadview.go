package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/ohce/ohce/measure"
)

// A loadView is what ohce load shows on a terminal while it runs.
type loadView struct {
	title     string // the first line
	intervals []measure.Interval
	style     style
}

// loadColumns are the columns of the table of intervals.
var loadColumns = []struct {
	name  string
	value func(i *measure.Interval) string
}{
	{"time", func(i *measure.Interval) string { return i.Begin.Duration().Truncate(time.Second).String() }},
	{"asked", func(i *measure.Interval) string { return fmt.Sprint(i.Asked) }},
	{"sent", func(i *measure.Interval) string { return fmt.Sprint(i.Sent) }},
	{"answered", func(i *measure.Interval) string { return fmt.Sprint(i.Answered) }},
	{"loss", func(i *measure.Interval) string { return fmt.Sprint(unanswered(i)) }},
	{"own", func(i *measure.Interval) string { return fmt.Sprint(ownSum(i.Own)) }},
	{"median ms", func(i *measure.Interval) string { return fmt.Sprintf("%.3f", millis(i.Latency.Median)) }},
	{"p99 ms", func(i *measure.Interval) string { return fmt.Sprintf("%.3f", millis(i.Latency.P99)) }},
	{"max ms", func(i *measure.Interval) string { return fmt.Sprintf("%.3f", millis(i.Latency.Max)) }},
}

// columnWidth is the width of a column of the table, with the space before it.
const columnWidth = 11

// unanswered returns the number of requests that ended without a right response in time.
func unanswered(i *measure.Interval) int { return i.Lost + i.Refused }

// ownSum returns the number of failures of this machine.
func ownSum(o measure.Own) int { return o.Missed + o.Refused + o.Overflow }

// draw returns at most height lines of at most width columns: the title, the sums, and a table of
// the latest intervals.
func (v *loadView) draw(width, height int) []string {
	if width <= 0 || height <= 0 {
		return nil
	}
	lines := append([]string{v.style.bold(cut(v.title, width))}, wrap(v.totals(), ", ", width)...)
	columns := loadColumns[:max(1, min(len(loadColumns), width/columnWidth))]
	var head strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&head, "%*s", columnWidth, c.name)
	}
	lines = append(lines, "", cut(head.String(), width))
	room := max(height-len(lines), 0)
	for _, i := range v.intervals[max(len(v.intervals)-room, 0):] {
		lines = append(lines, v.row(&i, len(columns), width))
	}
	return lines[:min(len(lines), height)]
}

// row returns the line of an interval. It is marked if there was a loss or this machine failed.
func (v *loadView) row(i *measure.Interval, columns, width int) string {
	var row strings.Builder
	for _, c := range loadColumns[:columns] {
		fmt.Fprintf(&row, "%*s", columnWidth, c.value(i))
	}
	text := cut(row.String(), width)
	switch {
	case ownSum(i.Own) > 0:
		return v.style.yellow(text)
	case unanswered(i) > 0:
		return v.style.red(text)
	default:
		return text
	}
}

// totals returns the sums of all intervals.
func (v *loadView) totals() string {
	asked, sent, answered, loss, own := 0, 0, 0, 0, 0
	for _, i := range v.intervals {
		asked, sent, answered = asked+i.Asked, sent+i.Sent, answered+i.Answered
		loss, own = loss+unanswered(&i), own+ownSum(i.Own)
	}
	text := fmt.Sprintf("%d asked, %d sent, %d answered, loss %d (%.2f %%)", asked, sent, answered, loss,
		100*float64(loss)/float64(max(sent, 1)))
	if own > 0 {
		text += fmt.Sprintf(", %d failures of this machine (%.2f %%)", own, 100*float64(own)/float64(max(asked, 1)))
	}
	return text
}

// startView shows the intervals of a load on standard output while it runs, if that is a terminal. The
// caller must call stop of the result, which may be nil.
func (l *loader) startView(title string) *liveScreen {
	out := l.app.out
	if term, _ := l.app.lookupEnv("TERM"); l.flags.json || term == "dumb" || !isTerminal(out) {
		return nil
	}
	v := &loadView{title: title, style: l.app.styleFor(out)}
	screen := startLive(out, func() (int, int) { return sizeOf(out) }, v.draw)
	l.load.OnInterval = func(i measure.Interval) {
		screen.update(func() { v.intervals = append(v.intervals, i) })
	}
	return screen
}
