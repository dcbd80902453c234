//go:build unix

package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// The collector gets the counters of the server at the end of each interval.
func TestOTLP(t *testing.T) {
	t.Parallel()
	p, exports := serveExported(t, 50*time.Millisecond)
	c := connect(t, p.addrs[0])
	for n := range 2 {
		exchange(t, c, 1)
		awaitExport(t, exports, float64(n+1))
	}
}

// The collector gets the counters when the server ends, also before the end of the first interval.
func TestOTLPLastExport(t *testing.T) {
	t.Parallel()
	p, exports := serveExported(t, time.Hour)
	exchange(t, connect(t, p.addrs[0]), 2)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, p.stderr())
	}
	awaitExport(t, exports, 2)
}

// serveExported starts a server that sends its metrics to a collector, and returns the exports.
func serveExported(t *testing.T, interval time.Duration) (*process, <-chan map[string]float64) {
	t.Helper()
	exports := make(chan map[string]float64, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req metricspb.ExportMetricsServiceRequest
		if err != nil || r.URL.Path != "/v1/metrics" || proto.Unmarshal(body, &req) != nil {
			t.Errorf("%s %s is no export", r.Method, r.URL)
			return
		}
		select {
		case exports <- sums(&req):
		case <-r.Context().Done(): // the test reads no more
		}
	}))
	t.Cleanup(collector.Close)
	p, err := startServer([]string{"--listen", "127.0.0.1:0", "--otlp", collector.URL},
		fmt.Sprintf("OTEL_METRIC_EXPORT_INTERVAL=%d", interval.Milliseconds()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p, exports
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
func awaitExport(t *testing.T, exports <-chan map[string]float64, requests float64) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e := <-exports:
			if e["ohce_requests_total"] == requests {
				return
			}
		case <-timeout:
			t.Fatalf("no export with %v requests", requests)
		}
	}
}
