package cli

import (
	"context"
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
	provider *metric.MeterProvider // nil if there is no collector
}

// start begins to send the metrics to the collector at an URL, or does nothing if it is empty. A
// failed export is written to log, once until the next one that succeeds or fails differently.
func (e *otlpExporter) start(
	ctx context.Context, collector string, metrics prometheus.Gatherer, log io.Writer,
) error {
	if collector == "" {
		return nil
	}
	exporter, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(otlpEndpoint(collector)),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: false})) // the next export repeats it
	if err != nil {
		return err
	}
	otel.SetErrorHandler(&otlpErrors{log: log})
	reader := metric.NewPeriodicReader(exporter, periodicOptions(metrics)...)
	e.provider = metric.NewMeterProvider(metric.WithReader(reader),
		metric.WithResource(resource.NewSchemaless(attribute.String("service.name", "ohce"),
			attribute.String("service.version", moduleVersion()))))
	return nil
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
	_ = e.provider.Shutdown(ctx) // otlpErrors reports a failed export
}

// otlpErrors writes the errors of exports to a log.
type otlpErrors struct {
	log  io.Writer
	mu   sync.Mutex
	last string
}

func (e *otlpErrors) Handle(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if text := err.Error(); text != e.last {
		e.last = text
		fmt.Fprintf(e.log, "ohce: cannot send metrics: %v\n", err)
	}
}
