package loadreport_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

// TestCSV checks that a reader of RFC 4180 gets a row with a number for each interval.
func TestCSV(t *testing.T) {
	for name, r := range reports {
		var b bytes.Buffer
		if err := loadreport.WriteCSV(&b, r); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\r\n"); n != strings.Count(b.String(), "\n") || n == 0 {
			t.Errorf("%s: not every line ends in CR LF", name)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 1+len(r.Intervals) {
			t.Fatalf("%s: %d rows, error %v, want %d", name, len(rows), err, 1+len(r.Intervals))
		}
		for _, row := range rows[1:] {
			for _, cell := range row {
				if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" {
					t.Errorf("%s: cell %q is no number", name, cell)
				}
			}
		}
	}
}

// TestHGRM checks the lines in the way in which the plotter of HdrHistogram reads them: it takes
// lines whose first word is a number, and divides them at spaces.
func TestHGRM(t *testing.T) {
	for name, r := range reports {
		var b bytes.Buffer
		if err := loadreport.WriteHGRM(&b, r.Latency, r.Percentiles); err != nil {
			t.Fatal(err)
		}
		n, previous := 0, []float64{-1, -1, 0, 0}
		for line := range strings.Lines(b.String()) {
			fields := strings.Fields(line)
			if len(fields) == 0 || fields[0] == "Value" || strings.HasPrefix(line, "#[") {
				continue
			}
			n++
			if (len(fields) == 4) != (fields[1] != "1.000000000000") {
				t.Errorf("%s: %d fields in %q", name, len(fields), line)
			}
			for i, field := range fields {
				x, err := strconv.ParseFloat(field, 64)
				if err != nil || x < previous[i] {
					t.Errorf("%s: field %d of %q, error %v", name, i, line, err)
				}
				previous[i] = x
			}
		}
		if n != len(r.Percentiles) {
			t.Errorf("%s: %d lines, want %d", name, n, len(r.Percentiles))
		}
		if !regexp.MustCompile(`(?s)\n#\[Mean    = +[0-9.]+, StdDeviation   = +[0-9.]+\]
#\[Max     = +[0-9.]+, Total count    = +[0-9]+\]
#\[Buckets = +32, SubBuckets     = +2048\]\n$`).MatchString(b.String()) {
			t.Errorf("%s: unexpected last lines:\n%s", name, b.String())
		}
	}
}

// hostile is text that tries to leave its place in a page or on a terminal.
const hostile = "\"'></title><script>alert(1)</script>\x1b[31m\u202e\xff"

// TestHostileText checks that no format passes hostile text on unescaped.
func TestHostileText(t *testing.T) {
	h := loadreport.Header{Target: hostile, Version: hostile,
		Settings: loadreport.Settings{{hostile, hostile}}}
	var page, text bytes.Buffer
	if err := loadreport.WriteHTML(&page, h, reports["one"]); err != nil {
		t.Fatal(err)
	}
	if err := loadreport.WriteText(&text, h, reports["one"]); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "\x1b", "\u202e", "\xff"} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page contains %q", bad)
		}
		if strings.Contains(text.String(), bad) && bad != "<script" {
			t.Errorf("the text contains %q", bad)
		}
	}
}

// TestPages checks that each page is well-formed, and that each plot has a description and a table.
func TestPages(t *testing.T) {
	for name, r := range reports {
		var b bytes.Buffer
		if err := loadreport.WriteHTML(&b, header, r); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		if plots := strings.Count(page, "<svg"); plots != strings.Count(page, `role="img" aria-label="`) ||
			plots != strings.Count(page, "<details>") || plots == 0 && r.Answered > 0 {
			t.Errorf("%s: %d plots, not each with a description and a table", name, plots)
		}
		if i := strings.Index(page, "NaN"); i >= 0 {
			t.Errorf("%s: NaN in %s", name, page[max(0, i-60):i+60])
		}
		d := xml.NewDecoder(strings.NewReader(page))
		d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// TestTrust checks that a page and a text say at the beginning whether the figures are trustworthy.
func TestTrust(t *testing.T) {
	for name, want := range map[string]string{
		"stalls":        "The figures are trustworthy: this machine sent the 20,000 due requests on time",
		"extreme":       "The figures are trustworthy: this machine failed in at most 0.1 %",
		"untrustworthy": "The figures are not trustworthy: they describe this machine",
		"empty":         "There are no figures",
		"closed":        "The load was a closed loop",
	} {
		var b bytes.Buffer
		if err := loadreport.WriteHTML(&b, header, reports[name]); err != nil {
			t.Fatal(err)
		}
		beginning, _, _ := strings.Cut(b.String(), "<figure")
		if !strings.Contains(beginning, want) {
			t.Errorf("%s: %q is missing at the beginning", name, want)
		}
	}
	if got := loadreport.Doubts(&measure.Report{Asked: 1}); len(got) != 1 {
		t.Errorf("doubts %q about a report that is not trustworthy for another reason", got)
	}
}
