package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ohce/ohce/handover"
	"github.com/ohce/ohce/internal/dashboard"
	"github.com/ohce/ohce/internal/web"
	"github.com/ohce/ohce/telemetry"
)

// maxMonitorConnections is the maximum number of connections to the metrics and the page.
const maxMonitorConnections = 2048

// httpGrace is how long an HTTP request in progress can delay the end of a monitor.
const httpGrace = time.Second

// errDraining is the reason why a server is not ready after a signal.
var errDraining = errors.New("draining: the process ends")

// A monitor serves the metrics, the health and the page of a command.
type monitor struct {
	flags    *httpFlags
	registry *prometheus.Registry
	listener *net.TCPListener // nil without --http
	page     dashboard.Dashboard
	web      web.Server
	served   chan struct{}         // closed when web has ended; nil before start
	notReady atomic.Pointer[error] // why the command is not ready, or nil
	exporter otlpExporter
}

// newMonitor returns a monitor with the metrics of the process. It must be opened before the sandbox
// is entered, and closed.
func newMonitor(f *httpFlags) *monitor {
	m := &monitor{flags: f, registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ohce_build_info",
			Help: "Always 1; the labels describe the program.",
			ConstLabels: prometheus.Labels{
				"version": moduleVersion(), "go_version": runtime.Version(),
			},
		}, func() float64 { return 1 }),
	)
	return m
}

// open binds the address, or takes over the listener of a predecessor, and prepares the export of
// metrics.
func (m *monitor) open(ctx context.Context, in *handover.Inheritance) (err error) {
	if err := m.exporter.open(ctx, m.flags.otlp); err != nil {
		return err
	}
	if m.listener, err = m.flags.listen(in); err != nil || m.listener == nil {
		return err
	}
	if m.page.Sampler != nil {
		m.page.Sampler.Texts = !web.IsRemote(m.listener.Addr())
	}
	return nil
}

// report writes the addresses of the page and the metrics to the log.
func (m *monitor) report(log io.Writer) {
	if m.listener != nil {
		fmt.Fprintf(log, "Page: http://%v/\nMetrics: http://%v/metrics\n", m.listener.Addr(), m.listener.Addr())
	}
}

// start begins to serve. Until then, the kernel queues connections.
func (m *monitor) start(log *logWriter) {
	m.exporter.start(m.registry, log)
	if m.listener == nil {
		return
	}
	m.page.Ready, m.page.Version = m.ready, moduleVersion()
	m.page.Hosts, _ = m.flags.allowedHosts() // check has checked them
	m.page.Start()
	m.web = web.Server{
		Handler: m.handler(), MaxConnections: maxMonitorConnections,
		ErrorLog: slog.NewLogLogger(log.logger().Handler(), slog.LevelError),
	}
	m.served = make(chan struct{})
	go func() { // ends with stopServing, which waits for it
		defer close(m.served)
		if err := m.web.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(log, "ohce: the metrics are no longer served: %v\n", rootCause(err))
		}
	}()
}

// handler returns the handler of all paths.
func (m *monitor) handler() http.Handler {
	var mux http.ServeMux
	endpoints := &telemetry.Endpoints{Gatherer: m.registry, Ready: m.ready, Profiles: m.flags.profiles}
	mux.Handle("/", endpoints)
	mux.Handle("/debug/pprof/", m.sameOrigin(endpoints))
	for _, path := range dashboard.Paths {
		mux.Handle(path, &m.page)
	}
	return &mux
}

// sameOrigin refuses requests that a web page of another origin makes.
func (m *monitor) sameOrigin(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := web.CheckSameOrigin(r, m.page.Hosts); err != nil {
			http.Error(w, err.Error()+"; see --http-host", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (m *monitor) ready() error {
	if reason := m.notReady.Load(); reason != nil {
		return *reason
	}
	return nil
}

// setNotReady sets the reason why the command is not ready.
func (m *monitor) setNotReady(reason error) { m.notReady.Store(&reason) }

// files returns the listener for a successor, if there is one.
func (m *monitor) files() ([]*os.File, error) {
	if m.listener == nil {
		return nil, nil
	}
	f, err := m.listener.File()
	if err != nil {
		return nil, err
	}
	return []*os.File{f}, nil
}

// stopServing stops to accept connections, and waits for requests in progress, but not for long.
func (m *monitor) stopServing() {
	if m.listener == nil {
		return
	}
	if m.served == nil {
		m.listener.Close()
		return
	}
	m.page.Close() // ends its streams
	ctx, cancel := context.WithTimeout(context.Background(), httpGrace)
	defer cancel()
	_ = m.web.Shutdown(ctx) // an error means that a client was too slow
	<-m.served
	m.served = nil
}

// close stops serving and sends the last metrics.
func (m *monitor) close() {
	m.stopServing()
	m.exporter.stop()
}
