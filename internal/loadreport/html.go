package loadreport

import (
	"crypto/sha256"
	_ "embed" // for the template and the style sheet
	"encoding/base64"
	"html/template"
	"io"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

//go:embed page.css
var styleSheet string

//go:embed page.html
var pageText string

// pageTemplate returns the template of the page. Most runs of a program write no page, so it is parsed
// when it is first needed.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageText))
})

// A page is the data of the template.
type page struct {
	Style       template.CSS
	StyleHash   string // for the Content-Security-Policy
	Target      string
	Subtitle    []string
	Sent        bool
	Trustworthy bool
	Trust       string
	Doubts      []string
	Notes       []string
	Figures     []keyFigure
	Charts      []*chart
	Durations   [][]string
	Counts      []keyFigure
	Settings    []keyFigure
}

// A keyFigure is a value with its name and perhaps an explanation.
type keyFigure struct{ Name, Value, Detail string }

// WriteHTML writes a page with plots. It is one file that needs no script and no other file, and
// its Content-Security-Policy forbids requests. It has at most 150 points for each line over time.
func WriteHTML(w io.Writer, h Header, r *measure.Report) error {
	hash := sha256.Sum256([]byte(styleSheet))
	p := page{
		Style: template.CSS(styleSheet), StyleHash: base64.StdEncoding.EncodeToString(hash[:]),
		Target: safetext.Escape(h.Target), Subtitle: subtitle(h, r), Sent: r.Asked > 0,
		Trustworthy: r.Trustworthy, Trust: trust(r), Doubts: Doubts(r), Notes: notes(r),
		Figures: keyFigures(r), Charts: charts(r), Durations: durations(r), Counts: counts(r),
	}
	for _, s := range h.Settings {
		p.Settings = append(p.Settings, keyFigure{Name: safetext.Escape(s.Name), Value: safetext.Escape(s.Value)})
	}
	return pageTemplate().Execute(w, p)
}

// subtitle returns when, for how long and by which version the target was measured.
func subtitle(h Header, r *measure.Report) (all []string) {
	if !h.Start.IsZero() {
		all = append(all, h.Start.Format("2 January 2006, 15:04:05 -07:00"))
	}
	all = append(all, elapsed(r.Duration.Duration()))
	if h.Version != "" {
		all = append(all, "ohce "+safetext.Escape(h.Version))
	}
	return all
}

// keyFigures returns the figures at the top of the page.
func keyFigures(r *measure.Report) []keyFigure {
	answered := keyFigure{"Answered", "–", count(r.Answered) + " in total"}
	if r.SentRate > 0 {
		answered.Value = rate(r.AnsweredRate)
		if r.AnsweredRate >= 1e6 {
			answered.Value = shortCount(r.AnsweredRate) + "/s"
		}
	}
	if r.AskedRate > 0 {
		answered.Detail = rate(r.AskedRate) + " asked"
	}
	all := []keyFigure{answered,
		{"Lost", lostShare(r), count(r.Lost) + " of " + count(r.Sent) + " sent"}}
	if r.Answered == 0 {
		return all
	}
	for _, f := range []struct {
		name string
		of   func(measure.Distribution) time.Duration
	}{
		{"Median", func(d measure.Distribution) time.Duration { return d.Median }},
		{"p99", func(d measure.Distribution) time.Duration { return d.P99 }},
		{"p99.9", func(d measure.Distribution) time.Duration { return d.P999 }},
		{"Maximum", func(d measure.Distribution) time.Duration { return d.Max }},
	} {
		all = append(all, keyFigure{f.name, duration(f.of(r.Latency)), "service " + duration(f.of(r.Service))})
	}
	return all
}

// durations returns the rows of the table of distributions.
func durations(r *measure.Report) (rows [][]string) {
	for _, row := range []struct {
		name string
		d    measure.Distribution
	}{
		{"Latency", r.Latency}, {"Service time", r.Service}, {"Delay before sending", r.Lag},
		{"Delay before reading", r.ReceiveDelay},
	} {
		if row.d.Max == 0 {
			continue
		}
		cells := []string{row.name}
		for _, column := range distributionColumns {
			cells = append(cells, duration(column.of(row.d)))
		}
		rows = append(rows, cells)
	}
	return rows
}

// A countRow is a row of the table of counts.
type countRow struct {
	n            int
	name, detail string
}

// counts returns the rows of the table of counts, without rare counts that are 0.
func counts(r *measure.Report) []keyFigure {
	all := countRows(4, []countRow{
		{r.Asked, "Asked", "requests that were due"},
		{r.Sent, "Sent", ""},
		{r.Answered, "Answered", "right responses in time"},
		{r.Lost, "Lost", "no response"},
		{r.Late, "Late", "response after the timeout"},
		{r.Wrong, "Wrong", "another response than expected"},
		{r.Refused, "Refused", "port unreachable"},
		{r.Unreachable, "Unreachable", "host or network unreachable"},
		{r.InFlight, "In flight", "not ended when the run was interrupted"},
		{r.Duplicates, "Duplicates", "further copies of a response"},
		{r.Reordered, "Reordered", "responses that overtook another one"},
		{r.Unexpected, "Unexpected", "datagrams that match no request"},
		{r.Ambiguous, "Ambiguous", "sent while an equal request was in flight"},
		{r.Own.Missed, "Sent too late", "by this machine, or not at all"},
		{r.Own.Refused, "Not sent", "refused by this system"},
		{r.Own.Overflow, "Dropped", "responses dropped by this system"},
	})
	return append(all, directions(r.ByDirection)...)
}

// directions returns the rows of the losses by direction. d may be nil.
func directions(d *measure.DirectionReport) []keyFigure {
	if d == nil {
		return nil
	}
	return countRows(2, []countRow{
		{d.RequestsLost, "Requests lost", "on the way to the server"},
		{d.ResponsesLost, "Responses lost", "on the way back"},
		{d.ServerOverflow, "Server overflow", "requests dropped by the system of the server"},
		{d.ServerDropped, "Server dropped", "requests dropped by the server"},
		{d.OtherRequests, "Other requests", "duplicated, or of other clients of the server"},
		{d.OtherResponses, "Other responses", "duplicated, or to other clients of the server"},
	})
}

// countRows returns rows. After the first ones, it omits counts that are 0.
func countRows(first int, rows []countRow) (all []keyFigure) {
	for i, c := range rows {
		if i < first || c.n != 0 {
			all = append(all, keyFigure{c.name, count(c.n), c.detail})
		}
	}
	return all
}
