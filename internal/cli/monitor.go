package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ohce/ohce/handover"
	"github.com/ohce/ohce/internal/dashboard"
	"github.com/ohce/ohce/internal/web"
	"github.com/ohce/ohce/telemetry"
)

// maxMonitorConnections is the maximum number of connections to the metrics and the page.
const maxMonitorConnections = 2048

// The reasons why a server is not ready.
var (
	errStarting = errors.New("starting")
	errDraining = errors.New("draining: the process ends")
)

// A monitor serves the metrics, the health and the page of a command.
type monitor struct {
	flags    *httpFlags
	registry *prometheus.Registry
	listener *net.TCPListener // nil without --http
	page     dashboard.Dashboard
	web      web.Server
	notReady atomic.Pointer[error]
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
	m.setNotReady(errStarting)
	return m
}

// open binds the address, or takes over the listener of a predecessor. It prints the address to the
// log.
func (m *monitor) open(log io.Writer, in *handover.Inheritance) (err error) {
	if m.listener, err = m.flags.listen(in); err != nil || m.listener == nil {
		return err
	}
	if m.page.Sampler != nil {
		m.page.Sampler.Texts = !web.IsRemote(m.listener.Addr())
	}
	fmt.Fprintf(log, "Page: http://%v/\nMetrics: http://%v/metrics\n", m.listener.Addr(), m.listener.Addr())
	return nil
}

// start begins to serve. Until then, the kernel queues connections. The command is ready from now on.
func (m *monitor) start(ctx context.Context, log io.Writer) {
	m.setNotReady(nil)
	if err := m.exporter.start(ctx, m.flags.otlp, m.registry, log); err != nil {
		fmt.Fprintf(log, "ohce: cannot send metrics: %v\n", err)
	}
	if m.listener == nil {
		return
	}
	m.page.Ready, m.page.Version = m.ready, moduleVersion()
	m.page.Hosts, _ = m.flags.allowedHosts() // check has checked them
	m.page.Start()
	m.web = web.Server{Handler: m.handler(), MaxConnections: maxMonitorConnections}
	go m.web.Serve(m.listener) // ends with close, or with the process
}

// handler returns the handler of all paths.
func (m *monitor) handler() http.Handler {
	var mux http.ServeMux
	mux.Handle("/", &telemetry.Endpoints{Gatherer: m.registry, Ready: m.ready, Profiles: m.flags.profiles})
	for _, path := range dashboard.Paths {
		mux.Handle(path, &m.page)
	}
	return &mux
}

func (m *monitor) ready() error {
	if reason := m.notReady.Load(); reason != nil {
		return *reason
	}
	return nil
}

// setNotReady sets the reason why the command is not ready. If it is nil, the command is ready.
func (m *monitor) setNotReady(reason error) {
	if reason == nil {
		m.notReady.Store(nil)
		return
	}
	m.notReady.Store(&reason)
}

// file returns the listener for a successor, or nothing.
func (m *monitor) file() []*os.File {
	if m.listener == nil {
		return nil
	}
	f, err := m.listener.File()
	if err != nil {
		return nil // the successor binds the address itself
	}
	return []*os.File{f}
}

// close stops serving and sends the last metrics.
func (m *monitor) close() {
	m.exporter.stop()
	if m.listener != nil {
		m.page.Close()
		m.web.Close()
		m.listener.Close()
	}
}
