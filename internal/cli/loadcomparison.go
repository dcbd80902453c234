package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

// A comparison is the comparison of two reports.
type comparison struct {
	names   [2]string
	reports [2]*loadreport.Document
	changes []measure.Change
}

// loadCompare compares two reports and prints the result. It returns the failure that decides the
// exit code.
func (a *app) loadCompare(f *loadCompareFlags, nameA, nameB string) error {
	thresholds, err := parseThresholds(f.thresholds)
	if err != nil {
		return err
	}
	c := &comparison{names: [2]string{nameA, nameB}}
	for i, name := range c.names {
		if c.reports[i], err = readReport(name); err != nil {
			return err
		}
	}
	if err := c.checkTrust(f.force); err != nil {
		return err
	}
	c.changes, err = measure.Compare(c.reports[0].Report, c.reports[1].Report, thresholds)
	if err != nil {
		return c.compareFailure(err)
	}
	if _, err := io.WriteString(a.err, c.warnings()); err != nil {
		return outputFailure(err)
	}
	text := c.text()
	if f.json {
		text = c.json()
	}
	if _, err := io.WriteString(a.out, text); err != nil {
		return outputFailure(err)
	}
	return c.failure()
}

// checkTrust returns a failure if a report is not trustworthy, unless force is set.
func (c *comparison) checkTrust(force bool) error {
	for i, doc := range c.reports {
		if !doc.Trustworthy && !force {
			return &failure{
				what: fmt.Sprintf("%s is not trustworthy: %s", c.names[i],
					strings.Join(loadreport.Doubts(doc.Report), " ")),
				hint: "measure again with a lower rate or on a faster machine, or add --force",
				code: exitUntrusted,
			}
		}
	}
	return nil
}

// compareFailure returns the failure for an error of measure.Compare.
func (c *comparison) compareFailure(err error) error {
	var few *measure.FewIntervalsError
	if !errors.As(err, &few) {
		return usage("see ohce load compare --help", "%v", err)
	}
	return &failure{
		what: fmt.Sprintf("%s has too few complete intervals: %d, and at least %d are needed",
			c.names[few.Run-1], few.Intervals, measure.MinIntervals),
		hint: fmt.Sprintf("measure for a longer time, as in ohce load --duration %ds", 3*measure.MinIntervals),
		code: exitUntrusted,
	}
}

// warnings returns a line for each reason why the comparison can mislead.
func (c *comparison) warnings() string {
	var b strings.Builder
	for i, doc := range c.reports {
		if !doc.Trustworthy {
			fmt.Fprintf(&b, "warning: %s is not trustworthy\n", safetext.Escape(c.names[i]))
		}
	}
	for _, d := range c.differences() {
		fmt.Fprintf(&b, "warning: the settings differ: %s is %s in A and %s in B\n", safetext.Escape(d.Name),
			orNone(d.A), orNone(d.B))
	}
	return b.String()
}

// differences returns the settings that differ.
func (c *comparison) differences() []loadreport.Difference {
	return loadreport.Differences(c.reports[0].Settings, c.reports[1].Settings)
}

func orNone(value string) string {
	if value == "" {
		return "not given"
	}
	return fmt.Sprintf("%q", value)
}

// text returns the comparison as a table.
func (c *comparison) text() string {
	var b strings.Builder
	for i, doc := range c.reports {
		fmt.Fprintf(&b, "%c: %s, %s\n", 'A'+i, safetext.Escape(c.names[i]), safetext.Escape(doc.Target))
	}
	rows := [][]string{{"figure", "A", "B", "change", "95 % interval", "threshold", "verdict"}}
	for _, change := range c.changes {
		rows = append(rows, compareRow(change))
	}
	b.WriteString("\n" + alignRows(rows))
	return b.String()
}

// compareRow returns the cells of a change.
func compareRow(c measure.Change) []string {
	unit, decimals, sign := "%", 1, "+"
	if c.Figure == "loss" {
		unit, decimals = "points", 3
	}
	if c.Figure == "answered_rate" {
		sign = "-"
	}
	change, interval := "unknown", "unknown"
	if c.Known {
		change = signed(c.Change, decimals) + " " + unit
		interval = signed(c.Low, decimals) + " to " + signed(c.High, decimals)
	}
	return []string{c.Figure, compareValue(c.A, c.Unit), compareValue(c.B, c.Unit), change, interval,
		fmt.Sprintf("%s%g %s", sign, c.Percent, unit), c.Verdict.String()}
}

// alignRows returns lines with two spaces between the cells of rows. The first and the last column
// are aligned at the left and the others at the right.
func alignRows(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	last := len(widths) - 1
	for _, row := range rows {
		fmt.Fprintf(&b, "%-*s", widths[0], row[0])
		for i, cell := range row[1:last] {
			fmt.Fprintf(&b, "  %*s", widths[i+1], cell)
		}
		fmt.Fprintf(&b, "  %s\n", row[last])
	}
	return b.String()
}

// signed formats a change with its sign.
func signed(x float64, decimals int) string {
	if math.Abs(x) >= 100_000 {
		return fmt.Sprintf("%+.3g", x)
	}
	return fmt.Sprintf("%+.*f", decimals, x)
}

// compareValue formats a value with its unit.
func compareValue(x float64, unit string) string {
	if unit == "/s" {
		return fmt.Sprintf("%.1f/s", x)
	}
	return fmt.Sprintf("%.3f %s", x, unit)
}

// verdict returns the verdict on all figures: the one that decides the exit code.
func (c *comparison) verdict() (v measure.Verdict, figures []string) {
	for _, v := range []measure.Verdict{measure.Worse, measure.Unclear, measure.Better} {
		for _, change := range c.changes {
			if change.Verdict == v {
				figures = append(figures, change.Figure)
			}
		}
		if len(figures) > 0 {
			return v, figures
		}
	}
	return measure.Same, nil
}

// failure returns the failure for a figure that is worse or unclear, or nil.
func (c *comparison) failure() error {
	v, figures := c.verdict()
	switch v {
	case measure.Worse:
		return &failure{what: fmt.Sprintf("worse than in %s: %s", c.names[0], enumerate(figures, "and")),
			code: exitFail}
	case measure.Unclear:
		return &failure{what: "unclear: " + enumerate(figures, "and"),
			hint: "measure both for a longer time: four times as long halves the interval",
			code: exitUntrusted}
	default:
		return nil
	}
}
