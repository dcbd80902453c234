package exporter

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// DefaultMaxProbes is the default of Options.MaxProbes.
const DefaultMaxProbes = 8192

// Options are the settings of an Exporter that do not change.
type Options struct {
	// File is the name of the configuration file. If empty, there are only the ready-made modules.
	File string
	// TimeoutOffset is how much before the time limit of a scrape a probe ends. It must not be negative.
	TimeoutOffset time.Duration
	// MaxProbes limits the probes in progress. If zero, it is DefaultMaxProbes.
	MaxProbes int
	// Hosts are names and addresses of the exporter, besides that of the connection, by which a browser
	// may open its pages.
	Hosts []string
	// Prober sends the requests. If nil, it is the zero Prober.
	Prober *Prober
	// Log receives messages about probes (level debug), refused requests and reloads. It must not be nil.
	Log *slog.Logger
}

// An Exporter serves probes over HTTP. Close must be called at the end.
type Exporter struct {
	opts     Options
	prober   *Prober
	watcher  *Watcher
	history  history
	refusals refusalLog
	registry *prometheus.Registry
	metrics  ownMetrics
	slots    chan struct{} // holds a value for each probe in progress

	config    atomic.Pointer[Config]
	reloading sync.Mutex
}

// New returns an Exporter with the configuration of opts.File, and begins to watch its targets. The
// error is an *Error.
func New(opts Options) (*Exporter, error) {
	if opts.Prober == nil {
		opts.Prober = &Prober{}
	}
	if opts.MaxProbes == 0 {
		opts.MaxProbes = DefaultMaxProbes
	}
	e := &Exporter{
		opts: opts, prober: opts.Prober, watcher: NewWatcher(opts.Prober), metrics: newOwnMetrics(),
		registry: prometheus.NewRegistry(), slots: make(chan struct{}, opts.MaxProbes),
	}
	e.registry.MustRegister(e.watcher.metrics, &e.metrics, buildInfo(), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := e.Reload(); err != nil {
		return nil, err
	}
	return e, nil
}

// Reload reads the file again. After an error, which is an *Error, the configuration is unchanged.
func (e *Exporter) Reload() error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	c := Default()
	if e.opts.File != "" {
		var err error
		if c, err = Load(e.opts.File); err != nil {
			e.metrics.reloadFailed()
			return err
		}
	}
	e.config.Store(c)
	e.watcher.Set(c.Targets)
	e.metrics.reloaded(time.Now())
	return nil
}

// ReloadAndLog calls Reload and logs the error or what the configuration has.
func (e *Exporter) ReloadAndLog() error {
	if err := e.Reload(); err != nil {
		e.opts.Log.Error("the configuration is unchanged", "error", err)
		return err
	}
	c := e.Config()
	attrs := []any{"modules", len(c.Modules), "targets", len(c.Targets)}
	if e.opts.File == "" {
		e.opts.Log.Info("there is no configuration file to load", attrs...)
		return nil
	}
	e.opts.Log.Info("the configuration is loaded", append([]any{"file", e.opts.File}, attrs...)...)
	return nil
}

// Config returns the current configuration.
func (e *Exporter) Config() *Config { return e.config.Load() }

// Close stops watching targets.
func (e *Exporter) Close() { e.watcher.Close() }

// ownMetrics are the metrics of the exporter itself.
type ownMetrics struct {
	probes        *prometheus.CounterVec
	inProgress    prometheus.Gauge
	refused       *prometheus.CounterVec
	unknownModule prometheus.Counter
	reloadSuccess prometheus.Gauge
	reloadTime    prometheus.Gauge
}

func newOwnMetrics() ownMetrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Name: "ohce_exporter_" + name, Help: help}
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
	}
	return ownMetrics{
		probes: prometheus.NewCounterVec(prometheus.CounterOpts(opts("probes_total",
			"Number of probes that have ended, by module and result.")), []string{"module", "result"}),
		inProgress: gauge("probes_in_progress", "Number of probes in progress."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts(opts("refused_requests_total",
			"Number of requests for a probe that were refused, by reason.")), []string{"reason"}),
		unknownModule: prometheus.NewCounter(prometheus.CounterOpts(opts("module_unknown_total",
			"Number of requests for a module that does not exist."))),
		reloadSuccess: gauge("config_last_reload_successful", "Whether the last load of the configuration succeeded."),
		reloadTime: gauge("config_last_reload_success_timestamp_seconds",
			"Time of the last successful load of the configuration, in seconds since 1970."),
	}
}

func (m *ownMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.probes, m.inProgress, m.refused, m.unknownModule, m.reloadSuccess, m.reloadTime,
	}
}

// Describe sends the descriptions of all metrics.
func (m *ownMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect sends all metrics.
func (m *ownMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
}

func (m *ownMetrics) reloadFailed() { m.reloadSuccess.Set(0) }

func (m *ownMetrics) reloaded(now time.Time) {
	m.reloadSuccess.Set(1)
	m.reloadTime.Set(float64(now.UnixMilli()) / 1000)
}

// ended counts the end of a probe.
func (m *ownMetrics) ended(r *Result) {
	result := "failure"
	if r.Success {
		result = "success"
	}
	m.probes.WithLabelValues(r.Module.Name, result).Inc()
}

// buildInfo returns a metric with the versions of this program and of Go.
func buildInfo() prometheus.Collector {
	version := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ohce_exporter_build_info", Help: "Versions of ohce and Go, as labels. The value is 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}
