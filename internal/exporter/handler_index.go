package exporter

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/ohce/ohce/measure"
)

//go:embed index.html
var indexText string

var indexPage = template.Must(template.New("index").Parse(indexText))

// An indexRow is a recent probe on the page.
type indexRow struct {
	Number         uint64
	Module, Target string
	Time, Duration string
	Success        bool
	Verdict        string // the class of the requests
	Again          string // the address of the same probe with debug output
}

// serveIndex shows the recent probes.
func (e *Exporter) serveIndex(w http.ResponseWriter, _ *http.Request) {
	var rows []indexRow
	for _, one := range e.history.list() {
		r := one.result
		again := url.Values{"module": {r.Module.Name}, "target": {r.Target}, "debug": {"true"}}
		rows = append(rows, indexRow{
			Number: one.number, Module: r.Module.Name, Target: r.Target, Success: r.Success,
			Time: r.Begun.UTC().Format(time.DateTime), Duration: r.Duration.Round(10 * time.Microsecond).String(),
			Verdict: r.verdict(), Again: "/probe?" + again.Encode(),
		})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	indexPage.Execute(w, struct {
		Rows    []indexRow
		Modules []string
		Watched int
	}{rows, e.Config().sortedNames(), len(e.Config().Targets)})
}

// verdict returns the class of the requests that decides about the probe: that of the answered ones
// or, if there are none, of most requests.
func (r *Result) verdict() string {
	if r.Success {
		return measure.Answered.String()
	}
	best := measure.Unsent
	for class, n := range r.requests {
		if n > r.requests[best] {
			best = measure.Class(class)
		}
	}
	return best.String()
}
