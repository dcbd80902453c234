package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

const (
	// otlpInterval is the time between two exports. OTEL_METRIC_EXPORT_INTERVAL overrides it.
	otlpInterval = 15 * time.Second
	// otlpTimeout limits the last export, at the end of the command.
	otlpTimeout = 2 * time.Second
)

// An otlpExporter sends the metrics of a registry to an OpenTelemetry collector (OTLP over HTTP).
type otlpExporter struct {
	exporter metric.Exporter
	errors   otlpErrors
	provider *metric.MeterProvider // nil if nothing is sent
}

// open prepares the export to the collector at an URL. It does nothing if the URL is empty. It reads
// certificates, and so must precede the sandbox.
func (e *otlpExporter) open(ctx context.Context, collector string) (err error) {
	if collector == "" {
		return nil
	}
	e.exporter, err = otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(otlpEndpoint(collector)),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: false})) // the next export repeats it
	if err != nil {
		return &failure{what: fmt.Sprintf("cannot send metrics to --otlp %s: %v", collector, rootCause(err)),
			hint: "check the variables OTEL_EXPORTER_OTLP_*", code: exitFail}
	}
	return nil
}

// start begins to send the metrics. An export that fails is written to log, but not the same error
// again before an export has succeeded.
func (e *otlpExporter) start(metrics prometheus.Gatherer, log io.Writer) {
	if e.exporter == nil {
		return
	}
	e.errors.log = log
	otel.SetErrorHandler(&e.errors)
	reader := metric.NewPeriodicReader(&otlpSuccess{e.exporter, &e.errors}, periodicOptions(metrics)...)
	e.provider = metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(otlpResource()))
}

// otlpResource describes this process: a name that OTEL_SERVICE_NAME overrides, and an identity that no
// other process has, because each one counts from zero.
func otlpResource() *resource.Resource {
	attributes := []attribute.KeyValue{
		attribute.String("service.name", "ohce"), attribute.String("service.version", moduleVersion()),
		attribute.String("service.instance.id", rand.Text()),
	}
	if name, err := os.Hostname(); err == nil {
		attributes = append(attributes, attribute.String("host.name", name))
	}
	own := resource.NewSchemaless(attributes...)
	merged, err := resource.Merge(own, resource.Environment())
	if err != nil { // the environment has another schema
		return own
	}
	return merged
}

// periodicOptions sets the interval only if no variable of OpenTelemetry does.
func periodicOptions(metrics prometheus.Gatherer) []metric.PeriodicReaderOption {
	producer := bridge.NewMetricProducer(bridge.WithGatherer(metrics))
	options := []metric.PeriodicReaderOption{metric.WithProducer(producer)}
	if os.Getenv("OTEL_METRIC_EXPORT_INTERVAL") == "" {
		options = append(options, metric.WithInterval(otlpInterval))
	}
	return options
}

// otlpEndpoint returns the URL for metrics of a collector. Without a path, it is that of the
// specification of OTLP/HTTP.
func otlpEndpoint(collector string) string {
	u, err := url.Parse(collector)
	if err == nil && (u.Path == "" || u.Path == "/") {
		u.Path = "/v1/metrics"
		return u.String()
	}
	return collector
}

// stop sends the last metrics.
func (e *otlpExporter) stop() {
	if e.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), otlpTimeout)
	defer cancel()
	if err := e.provider.Shutdown(ctx); err != nil {
		e.errors.Handle(err)
	}
	e.provider = nil
}

// An otlpSuccess is an exporter that reports successful exports to otlpErrors.
type otlpSuccess struct {
	metric.Exporter
	errors *otlpErrors
}

func (s *otlpSuccess) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	err := s.Exporter.Export(ctx, m)
	if err == nil {
		s.errors.succeeded()
	}
	return err
}

// otlpErrors writes the errors of exports to a log.
type otlpErrors struct {
	log  io.Writer
	mu   sync.Mutex
	last string // the error written last, unless an export has succeeded since
}

// Handle implements otel.ErrorHandler.
func (e *otlpErrors) Handle(err error) {
	if errors.Is(err, context.Canceled) {
		return // the process ends
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if text := err.Error(); text != e.last {
		e.last = text
		fmt.Fprintf(e.log, "ohce: cannot send metrics: %v\n", err)
	}
}

func (e *otlpErrors) succeeded() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = ""
}
