package exporter

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ohce/ohce/internal/web"
)

// maxModuleName is the length in bytes of a module's name in an error.
const maxModuleName = 100

// A badRequest describes a request for a probe that is refused.
type badRequest struct {
	reason string // a value of the label reason
	what   string
}

// serveProbe probes a target and responds with the metrics of the probe or, with debug=true, with its
// log.
func (e *Exporter) serveProbe(w http.ResponseWriter, r *http.Request) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		e.refuse(w, r, &badRequest{"query", "malformed query: " + oneLine(err.Error())})
		return
	}
	m, target, bad := e.target(params)
	if bad != nil {
		e.refuse(w, r, bad)
		return
	}
	timeout, err := probeTimeout(r.Header.Get(timeoutHeader), m.Timeout, e.opts.TimeoutOffset)
	if err != nil {
		e.refuse(w, r, &badRequest{"timeout", err.Error()})
		return
	}
	result := e.probe(w, r, m, target, timeout)
	if result == nil {
		return
	}
	if params.Get("debug") == "true" {
		plainText(w)
		result.WriteDebug(w)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(result)
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
}

// target returns the module and the target of a request.
func (e *Exporter) target(params url.Values) (*Module, string, *badRequest) {
	name, target := params.Get("module"), params.Get("target")
	c := e.Config()
	m := c.Modules[name]
	switch {
	case name == "":
		return nil, "", &badRequest{"module", "the parameter module is missing; the modules are " + c.moduleNames()}
	case m == nil:
		e.metrics.unknownModule.Inc()
		return nil, "", &badRequest{"module", fmt.Sprintf("unknown module %q; the modules are %s",
			name[:min(len(name), maxModuleName)], c.moduleNames())}
	case target == "":
		return nil, "", &badRequest{"target", "the parameter target is missing"}
	}
	if err := m.CheckTarget(target); err != nil {
		return nil, "", &badRequest{"target", fmt.Sprintf("%v; %s", err, hintOf(err))}
	}
	return m, target, nil
}

// refuse responds to a wrong request.
func (e *Exporter) refuse(w http.ResponseWriter, r *http.Request, bad *badRequest) {
	e.refuseWith(w, r, http.StatusBadRequest, bad)
}

// refuseWith responds with a status, and counts and logs the request.
func (e *Exporter) refuseWith(w http.ResponseWriter, r *http.Request, status int, bad *badRequest) {
	e.metrics.refused.WithLabelValues(bad.reason).Inc()
	e.refusals.add(e.opts.Log, r, bad.reason, bad.what)
	http.Error(w, bad.what, status)
}

// probe probes a target as soon as fewer than MaxProbes are in progress. It returns nil if that takes
// too long or the client has gone.
func (e *Exporter) probe(w http.ResponseWriter, r *http.Request, m *Module, target string, timeout time.Duration) *Result {
	// The limits of the server are shorter than those of a scrape. Reads wait for the end of the client.
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{})
	rc.SetWriteDeadline(time.Now().Add(timeout + web.WriteTimeout))
	end := time.Now().Add(timeout)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case e.slots <- struct{}{}:
	case <-timer.C:
		e.refuseWith(w, r, http.StatusServiceUnavailable, &badRequest{"busy", fmt.Sprintf(
			"%d probes are in progress; start the exporter with a larger --max-probes", e.opts.MaxProbes)})
		return nil
	case <-r.Context().Done():
		return nil
	}
	defer func() { <-e.slots }()
	e.metrics.inProgress.Inc()
	defer e.metrics.inProgress.Dec()
	result := e.prober.Probe(r.Context(), m, target, time.Until(end))
	if r.Context().Err() != nil {
		return nil
	}
	e.metrics.ended(result)
	e.history.add(result)
	if e.opts.Log.Enabled(r.Context(), slog.LevelDebug) {
		e.opts.Log.Debug("probe", "module", m.Name, "target", target, "success", result.Success,
			"duration", result.Duration)
	}
	return result
}
