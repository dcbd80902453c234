package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxReported is the number of similar failures that are reported one by one.
	maxReported = 5
	// summaryInterval is the time between two summaries of further failures while lines are sent.
	summaryInterval = 10 * time.Second
)

// An unansweredLines counts the lines without a response and reports them: the first similar failures
// one by one, the further ones in a summary. Failures are similar if their texts differ in times and
// numbers only.
type unansweredLines struct {
	report func(text string)

	count    int
	first    *failure        // for its hint
	groups   []*similarLines // in the order of their first lines
	reported time.Time       // when the latest text was reported
}

// similarLines are lines with similar failures.
type similarLines struct {
	summary  string     // the text without times and numbers
	reported int        // the number of lines that were reported one by one
	further  lineRanges // the lines that have not been reported
	latest   string     // the text of the latest further line
}

// add counts the failure of line n at a time.
func (u *unansweredLines) add(now time.Time, n int, f *failure) {
	if u.count++; u.count == 1 {
		u.first, u.reported = f, now
	}
	g := u.group(f.summary())
	if g.reported < maxReported {
		g.reported++
		u.reported = now
		u.report(fmt.Sprintf("line %d: %s", n, f.what))
		return
	}
	g.latest = f.what
	g.further.add(n)
	if now.Sub(u.reported) >= summaryInterval {
		u.reported = now
		u.flush()
	}
}

// summary returns the text without times and numbers.
func (f *failure) summary() string {
	switch f.json {
	case errorWrongResponse:
		return "no right response"
	case errorTooLarge:
		return "more bytes than a datagram carries"
	default:
		text, _, _ := strings.Cut(f.what, " after ")
		return text
	}
}

// group returns the lines with the given summary.
func (u *unansweredLines) group(summary string) *similarLines {
	i := slices.IndexFunc(u.groups, func(g *similarLines) bool { return g.summary == summary })
	if i < 0 {
		i = len(u.groups)
		u.groups = append(u.groups, &similarLines{summary: summary})
	}
	return u.groups[i]
}

// flush reports the further failures of each group.
func (u *unansweredLines) flush() {
	for _, g := range u.groups {
		switch {
		case g.further.count == 1:
			u.report(fmt.Sprintf("line %v: %s", &g.further, g.latest))
		case g.further.count > 1:
			u.report(fmt.Sprintf("lines %v (%d lines): %s", &g.further, g.further.count, g.summary))
		}
		g.further = lineRanges{}
	}
}

// err returns the failure of all unanswered lines together, or nil if there are none.
func (u *unansweredLines) err(lines int) error {
	if u.count == 0 {
		return nil
	}
	return &failure{
		what: fmt.Sprintf("lines without a response: %d of %d", u.count, lines), hint: u.first.hint,
		code: exitFail,
	}
}

// maxRanges is the maximum number of ranges in a list of line numbers.
const maxRanges = 5

// lineRanges are line numbers. They are added in ascending order.
type lineRanges struct {
	count   int
	ranges  []lineRange // at most maxRanges: the first ones and the last one
	omitted int         // the number of ranges that are left out before the last one
}

type lineRange struct{ first, last int }

func (l *lineRanges) add(n int) {
	l.count++
	latest := len(l.ranges) - 1
	switch {
	case latest >= 0 && l.ranges[latest].last == n-1:
		l.ranges[latest].last = n
	case len(l.ranges) < maxRanges:
		l.ranges = append(l.ranges, lineRange{n, n})
	default:
		l.ranges[latest] = lineRange{n, n}
		l.omitted++
	}
}

// String lists the line numbers, as in "6-40, 52, ..., 2000".
func (l *lineRanges) String() string {
	var parts []string
	for _, r := range l.ranges {
		parts = append(parts, r.String())
	}
	if l.omitted > 0 {
		parts = slices.Insert(parts, len(parts)-1, "...")
	}
	return strings.Join(parts, ", ")
}

func (r lineRange) String() string {
	if r.first == r.last {
		return fmt.Sprint(r.first)
	}
	return fmt.Sprintf("%d-%d", r.first, r.last)
}
