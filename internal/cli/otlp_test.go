//go:build unix

package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// The collector gets the counters of the server, the last ones when it ends.
func TestOTLP(t *testing.T) {
	t.Parallel()
	exports := make(chan map[string]float64, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req metricspb.ExportMetricsServiceRequest
		if err != nil || r.URL.Path != "/v1/metrics" || proto.Unmarshal(body, &req) != nil {
			t.Errorf("%s %s is no export", r.Method, r.URL)
			return
		}
		exports <- sums(&req)
	}))
	defer collector.Close()
	p, err := startServer([]string{"--listen", "127.0.0.1:0", "--otlp", collector.URL},
		"OTEL_METRIC_EXPORT_INTERVAL=50")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	c := connect(t, p.addrs[0])
	exchange(t, c, 1)
	awaitExport(t, exports, 1)
	exchange(t, c, 1)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, p.stderr())
	}
	awaitExport(t, exports, 2)
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
