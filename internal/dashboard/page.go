package dashboard

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"

	"github.com/ohce/ohce/internal/web"
)

// policy is the Content-Security-Policy of the page: only its own files and figures, in no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

//go:embed static
var static embed.FS

var pageTemplate = template.Must(template.New("dashboard.html").Funcs(template.FuncMap{
	"list": func(items ...string) []string { return items },
}).ParseFS(static, "static/dashboard.html"))

// pageData is what the template of the page shows.
type pageData struct {
	Command, Title, Version string
	Sampled                 bool
	Texts                   bool
	Links                   bool
	Reasons                 []reason
}

// routes registers the files and the figures.
func (d *Dashboard) routes() {
	data := pageData{
		Command: d.Command, Title: d.Title, Version: d.Version,
		Sampled: d.Sampler != nil, Texts: d.Sampler != nil && d.Sampler.Texts, Links: d.OfLinks,
		Reasons: serverReasons,
	}
	if d.OfLinks {
		data.Reasons = linkReasons
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, data); err != nil {
		panic(err) // a defect of this package; a test finds it
	}
	d.index = page.Bytes()
	d.mux.Handle("GET /{$}", d.checked(d.serveIndex))
	d.mux.Handle("GET /events", d.checked(d.serveEvents))
	for name, kind := range map[string]string{
		"dashboard.css": "text/css; charset=utf-8", "dashboard.js": "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml",
	} {
		file, err := static.ReadFile("static/" + name)
		if err != nil {
			panic(err) // as above
		}
		d.mux.Handle("GET /"+name, d.checked(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(file)
		}))
	}
}

func (d *Dashboard) serveIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(d.index)
}

// checked returns a handler that sets the headers of all responses, and refuses requests of web
// pages of another origin or with another host.
func (d *Dashboard) checked(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			w.Header().Set(name, value)
		}
		if err := d.check(r); err != nil {
			http.Error(w, refusal(err), http.StatusForbidden)
			return
		}
		h(w, r)
	})
}

// refusal returns the text about an error of web.CheckAccess.
func refusal(err error) string {
	text := "ohce: " + err.Error()
	if host := new(web.HostError); errors.As(err, &host) {
		text += "\nhint: use the address of --http, or allow the name with --http-host NAME"
	}
	return text
}

// check refuses what web.CheckAccess refuses, and requests that a page of another origin makes.
// CheckAccess allows these if they change nothing, because the other page cannot read the response.
// But such a page could take all streams. A link on another page may lead here.
func (d *Dashboard) check(r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.URL.Path != "/" {
		return web.CheckSameOrigin(r, d.Hosts)
	}
	return web.CheckAccess(r, d.Hosts)
}
