//go:build unix

package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// collectorOf returns a collector that passes on the exports that it gets.
func collectorOf(t *testing.T, exports chan<- *metricspb.ExportMetricsServiceRequest) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req metricspb.ExportMetricsServiceRequest
		if err != nil || r.URL.Path != "/v1/metrics" || proto.Unmarshal(body, &req) != nil {
			t.Errorf("%s %s is no export", r.Method, r.URL)
			return
		}
		exports <- &req
	})
}

// The collector gets the counters of the server when it ends, with the name that the environment sets.
func TestOTLP(t *testing.T) {
	t.Parallel()
	exports := make(chan *metricspb.ExportMetricsServiceRequest, 100)
	collector := httptest.NewServer(collectorOf(t, exports))
	defer collector.Close()
	p, err := startServer([]string{"--listen", "127.0.0.1:0", "--otlp", collector.URL},
		"OTEL_METRIC_EXPORT_INTERVAL=600000", "OTEL_SERVICE_NAME=upper")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	exchange(t, connect(t, p.addrs[0]), 2)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, p.stderr())
	}
	last := awaitExport(t, exports, 2)
	attributes := make(map[string]string)
	for _, a := range last.ResourceMetrics[0].Resource.Attributes {
		attributes[a.Key] = a.Value.GetStringValue()
	}
	if attributes["service.name"] != "upper" || len(attributes["service.instance.id"]) < 20 {
		t.Errorf("the process is %v", attributes)
	}
}

// The collector gets the counters at the end of each interval, which a variable sets.
func TestOTLPInterval(t *testing.T) {
	t.Parallel()
	exports := make(chan *metricspb.ExportMetricsServiceRequest, 10_000) // at least 50 ms apart
	collector := httptest.NewServer(collectorOf(t, exports))
	defer collector.Close()
	p, err := startServer([]string{"--listen", "127.0.0.1:0", "--otlp", collector.URL},
		"OTEL_METRIC_EXPORT_INTERVAL=50")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	c, begun := connect(t, p.addrs[0]), time.Now()
	for n := range 2 {
		exchange(t, c, 1)
		awaitExport(t, exports, float64(n+1))
	}
	if d := time.Since(begun); d > otlpInterval {
		t.Errorf("two exports took %v, which is more than the default interval", d)
	}
}

// If the collector cannot be reached at the end, the log says so.
func TestOTLPLastError(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"serve", "--listen", "127.0.0.1:0"},
		{"link", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--api", "none"},
	} {
		t.Run(args[0], func(t *testing.T) {
			args = append(args, "--otlp", "http://127.0.0.1:1") // nothing listens there
			p, err := startProcess(1, args, "OTEL_METRIC_EXPORT_INTERVAL=600000")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.kill)
			if err := p.await("Sandbox: "); err != nil { // only then, the export has begun
				t.Fatal(err)
			}
			text, err := p.stopWith(syscall.SIGTERM)
			if err != nil || strings.Count(text, "ohce: cannot send metrics: ") != 1 {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
}

// A collector that answers again ends the silence about its errors.
func TestOTLPSuccess(t *testing.T) {
	var text strings.Builder
	exporter := &fakeExporter{}
	s := otlpSuccess{exporter, &otlpErrors{log: &text}}
	for _, err := range []error{errors.New("refused"), errors.New("refused"), nil, errors.New("refused")} {
		exporter.err = err
		if got := s.Export(t.Context(), nil); got != err {
			t.Errorf("Export returned %v, want %v", got, err)
		}
		if err != nil {
			s.errors.Handle(err) // as the reader does
		}
	}
	if n := strings.Count(text.String(), "refused"); n != 2 {
		t.Errorf("the log has %d errors, want 2: %s", n, &text)
	}
}

// A fakeExporter fails with err.
type fakeExporter struct {
	metric.Exporter
	err error
}

func (e *fakeExporter) Export(context.Context, *metricdata.ResourceMetrics) error { return e.err }

// An error is written once, and again after an export has succeeded.
func TestOTLPErrors(t *testing.T) {
	var text strings.Builder
	e := otlpErrors{log: &text}
	for _, err := range []error{errors.New("refused"), errors.New("refused"), errors.New("lost"), nil,
		errors.New("lost"), context.Canceled} {
		if err == nil {
			e.succeeded()
		} else {
			e.Handle(err)
		}
	}
	const want = "ohce: cannot send metrics: refused\nohce: cannot send metrics: lost\n" +
		"ohce: cannot send metrics: lost\n"
	if text.String() != want {
		t.Errorf("the log is %q, want %q", text.String(), want)
	}
}

// sums returns the sums of the counters of an export by name.
func sums(req *metricspb.ExportMetricsServiceRequest) map[string]float64 {
	all := make(map[string]float64)
	for _, r := range req.ResourceMetrics {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				for _, p := range m.GetSum().GetDataPoints() {
					all[m.Name] += p.GetAsDouble() + float64(p.GetAsInt())
				}
			}
		}
	}
	return all
}

// awaitExport waits for an export with the number of requests.
func awaitExport(
	t *testing.T, exports <-chan *metricspb.ExportMetricsServiceRequest, requests float64,
) *metricspb.ExportMetricsServiceRequest {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e := <-exports:
			if sums(e)["ohce_requests_total"] == requests {
				return e
			}
		case <-timeout:
			t.Fatalf("no export with %v requests", requests)
		}
	}
}
