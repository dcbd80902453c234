package exporter

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ohce/ohce/internal/web"
)

// Handler returns the handler of all paths. Prometheus may use any host name for the probes and the
// metrics. The pages for people and the reload need the Host header of [web.CheckAccess].
func (e *Exporter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /probe", e.serveProbe)
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "healthy")
	})
	mux.HandleFunc("POST /-/reload", e.checked(e.serveReload))
	mux.HandleFunc("PUT /-/reload", e.checked(e.serveReload))
	mux.HandleFunc("GET /config", e.checked(e.serveConfig))
	mux.HandleFunc("GET /logs", e.checked(e.serveLog))
	mux.HandleFunc("GET /{$}", e.checked(e.serveIndex))
	return mux
}

// checked returns a handler that refuses requests that a web page makes without its user's knowledge.
func (e *Exporter) checked(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := web.CheckAccess(r, e.opts.Hosts)
		var host *web.HostError
		switch {
		case errors.As(err, &host):
			http.Error(w, fmt.Sprintf("%v; open the page by the exporter's address, or start it with --web.host %s",
				err, strconv.Quote(host.Host)), http.StatusForbidden)
		case err != nil:
			http.Error(w, err.Error(), http.StatusForbidden)
		default:
			next(w, r)
		}
	}
}

// serveReload reads the configuration file again.
func (e *Exporter) serveReload(w http.ResponseWriter, _ *http.Request) {
	switch err := e.ReloadAndLog(); {
	case err != nil:
		http.Error(w, "the configuration is unchanged: "+err.Error(), http.StatusInternalServerError)
	case e.opts.File == "":
		fmt.Fprintln(w, "no file: the modules are the ready-made ones")
	default:
		fmt.Fprintln(w, "loaded")
	}
}

// serveConfig shows the configuration file.
func (e *Exporter) serveConfig(w http.ResponseWriter, _ *http.Request) {
	plainText(w)
	c := e.Config()
	if len(c.Text) == 0 {
		fmt.Fprintf(w, "# There is no file. The modules are %s.\n", c.moduleNames())
		return
	}
	w.Write(c.Text)
}

// serveLog shows a recent probe.
func (e *Exporter) serveLog(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseUint(r.URL.Query().Get("id"), 10, 64)
	if err != nil {
		http.Error(w, "id is not a number", http.StatusBadRequest)
		return
	}
	result := e.history.find(number)
	if result == nil {
		http.Error(w, fmt.Sprintf("probe %d is not among the recent ones", number), http.StatusNotFound)
		return
	}
	plainText(w)
	result.WriteDebug(w)
}

func plainText(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

// oneLine removes line ends from a text that a client has sent.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
