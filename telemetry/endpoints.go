package telemetry

import (
	"io"
	"net/http"
	"net/http/pprof"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is the maximum number of concurrent requests for the metrics.
const maxScrapes = 8

// Endpoints is an http.Handler with the metrics and the health of a process:
//
//	/metrics        the metrics, in the format that the client accepts
//	/healthz        200 if the process works, otherwise 503 and the reason
//	/readyz         200 if the process accepts requests, otherwise 503 and the reason
//	/debug/pprof/   profiles, only if Profiles is set
//
// Its fields must not change after the first request.
type Endpoints struct {
	// Gatherer holds the metrics. If nil, it is prometheus.DefaultGatherer.
	Gatherer prometheus.Gatherer
	// Healthy and Ready return the reason why the process does not work, or does not accept
	// requests, or nil. They can be called concurrently. If nil, the answer is always yes.
	Healthy, Ready func() error
	// Profiles serves the profiles of the process, which show its code and cost time.
	Profiles bool

	once sync.Once
	mux  http.ServeMux
}

// ServeHTTP implements http.Handler.
func (e *Endpoints) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.once.Do(e.init)
	e.mux.ServeHTTP(w, r)
}

func (e *Endpoints) init() {
	gatherer := e.Gatherer
	if gatherer == nil {
		gatherer = prometheus.DefaultGatherer
	}
	e.mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true,
	}))
	e.mux.Handle("GET /healthz", answerOf(e.Healthy))
	e.mux.Handle("GET /readyz", answerOf(e.Ready))
	if e.Profiles {
		e.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		e.mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		e.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		e.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		e.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
}

// answerOf returns a handler with the answer of a check.
func answerOf(check func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if check != nil {
			if err := check(); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, err.Error()+"\n")
				return
			}
		}
		_, _ = io.WriteString(w, "ok\n")
	})
}
