package telemetry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
	"github.com/ohce/ohce/telemetry"
)

// serverAddr is the address of the server on an in-memory network.
const serverAddr = "192.0.2.9:3000"

// measured starts a server in a bubble whose handler takes 3 ms, except for "silent", which it does
// not answer.
func measured(t *testing.T, network *ohcetest.Network) *ohce.Server {
	t.Helper()
	s := network.StartServer(&ohce.Server{Handler: ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) {
			time.Sleep(3 * time.Millisecond)
			if string(r.Data) != "silent" {
				w.Write([]byte("four"))
			}
		})}, serverAddr)
	t.Cleanup(s.Close)
	return s.Config
}

func TestServerCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network ohcetest.Network
		srv := measured(t, &network)
		client := &ohce.Client{Addr: serverAddr, Dial: network.Dial, Linger: -1}
		defer client.Close()
		for _, text := range []string{"one", "two", "silent"} {
			client.Exchange(context.Background(), []byte(text))
		}
		synctest.Wait()
		const silent = 5 // attempts
		c := telemetry.NewServerCollector(srv, prometheus.Labels{"server": "a"})
		want := fmt.Sprintf(`
# HELP ohce_dropped_total Datagrams that got no response.
# TYPE ohce_dropped_total counter
ohce_dropped_total{reason="silent",server="a",shard="0"} %d
# HELP ohce_handler_duration_seconds Duration of a call of the handler, measured for one request of each read.
# TYPE ohce_handler_duration_seconds histogram
ohce_handler_duration_seconds_sum{server="a",shard="0"} 0.021
ohce_handler_duration_seconds_count{server="a",shard="0"} 7
# HELP ohce_read_datagrams Datagrams that one read of the socket returned.
# TYPE ohce_read_datagrams histogram
ohce_read_datagrams_sum{server="a",shard="0"} 7
ohce_read_datagrams_count{server="a",shard="0"} 7
# HELP ohce_request_bytes_total Bytes in the requests.
# TYPE ohce_request_bytes_total counter
ohce_request_bytes_total{server="a",shard="0"} %d
# HELP ohce_requests_in_flight Datagrams neither answered nor dropped yet.
# TYPE ohce_requests_in_flight gauge
ohce_requests_in_flight{server="a",shard="0"} 0
# HELP ohce_requests_total Datagrams that the kernel delivered.
# TYPE ohce_requests_total counter
ohce_requests_total{server="a",shard="0"} 7
# HELP ohce_response_bytes_total Bytes in the responses.
# TYPE ohce_response_bytes_total counter
ohce_response_bytes_total{server="a",shard="0"} 8
# HELP ohce_responses_total Responses that the kernel accepted.
# TYPE ohce_responses_total counter
ohce_responses_total{server="a",shard="0"} 2
`, silent, 3+3+silent*len("silent"))
		if got := exposition(t, c); got != simplified(want) {
			t.Errorf("metrics\n%s\nwant\n%s", got, simplified(want))
		}
	})
}

// exposition returns the metrics of a collector in text format, without the buckets and without
// series that are zero.
func exposition(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return simplified(text.String())
}

// simplified removes comments, buckets and the counters that are zero, except requests_in_flight.
func simplified(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		zero := strings.HasSuffix(line, " 0\n") && !strings.Contains(line, "in_flight")
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") && !strings.Contains(line, "_bucket") && !zero {
			b.WriteString(line)
		}
	}
	return b.String()
}

// The classic and the native buckets of one histogram describe the same durations.
func TestHandlerHistogram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network ohcetest.Network
		srv := measured(t, &network)
		client := &ohce.Client{Addr: serverAddr, Dial: network.Dial, Linger: -1}
		defer client.Close()
		if _, err := client.Exchange(context.Background(), []byte("one")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h := histogram(t, telemetry.NewServerCollector(srv, nil), "ohce_handler_duration_seconds")
		if h.GetSampleCount() != 1 || h.GetSchema() != 3 || len(h.GetPositiveSpan()) != 1 {
			t.Fatalf("histogram %v, want one duration with schema 3", h)
		}
		// 3 ms is in (2^-8.5, 2^-8.375] s: (2.762 ms, 3.012 ms].
		if got := h.GetPositiveSpan()[0].GetOffset(); got != -67 {
			t.Errorf("native bucket %d, want -67", got)
		}
		for _, b := range h.GetBucket() {
			if want := b.GetUpperBound() >= 5e-3; (b.GetCumulativeCount() == 1) != want {
				t.Errorf("up to %v s: %d", b.GetUpperBound(), b.GetCumulativeCount())
			}
		}
	})
}

// histogram returns the histogram of a collector with a name.
func histogram(t *testing.T, c prometheus.Collector, name string) *dto.Histogram {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetHistogram()
		}
	}
	t.Fatalf("no metric %s", name)
	return nil
}

func TestClientCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network ohcetest.Network
		measured(t, &network)
		client := &ohce.Client{Addr: serverAddr, Dial: network.Dial, Linger: -1}
		defer client.Close()
		var accepted int
		c := telemetry.NewClientCollector(client, nil)
		client.Trace = ohce.JoinTraces(&ohce.ClientTrace{
			ResponseAccepted: func(ohce.TraceAttempt, *ohce.Response) { accepted++ },
		}, c.Trace())
		for _, text := range []string{"one", "two", "silent"} {
			client.Exchange(context.Background(), []byte(text))
		}
		const want = `
ohce_client_attempts_total 7
ohce_client_exchanges_total 3
ohce_client_results_total{result="answered"} 2
ohce_client_results_total{result="down"} 1
ohce_client_rtt_seconds_sum 0.006
ohce_client_rtt_seconds_count 2
`
		if got := exposition(t, c); got != simplified(want) || accepted != 2 {
			t.Errorf("metrics\n%s\nwant\n%s; the other trace counted %d, want 2", got, want, accepted)
		}
	})
}

func TestLinkCollector(t *testing.T) {
	var stats relay.Stats
	stats.Up = relay.DirectionStats{Received: 10, Oversize: 1, Sent: 7, KernelDropped: 4, Delayed: 2,
		Stats: link.Stats{Lost: 3, Duplicated: 1}}
	stats.Down = relay.DirectionStats{Received: 6, Sent: 6, Unmapped: 5}
	stats.Mappings, stats.Opened, stats.Expired, stats.Loop = 8, 9, 1, 11
	c := telemetry.NewLinkCollector(func(yield func(string, relay.Stats) bool) {
		_ = yield("a", stats) && yield("b", relay.Stats{})
	}, nil)
	const want = `
ohce_link_changed_total{change="duplicated",direction="up",link="a"} 1
ohce_link_delayed{direction="up",link="a"} 2
ohce_link_dropped_total{direction="down",link="a",reason="unmapped"} 5
ohce_link_dropped_total{direction="up",link="a",reason="lost"} 3
ohce_link_dropped_total{direction="up",link="a",reason="loop"} 11
ohce_link_dropped_total{direction="up",link="a",reason="oversize"} 1
ohce_link_kernel_dropped_total{direction="up",link="a"} 4
ohce_link_mappings{link="a"} 8
ohce_link_mappings_closed_total{link="a",reason="expired"} 1
ohce_link_mappings_opened_total{link="a"} 9
ohce_link_received_total{direction="down",link="a"} 6
ohce_link_received_total{direction="up",link="a"} 10
ohce_link_sent_total{direction="down",link="a"} 6
ohce_link_sent_total{direction="up",link="a"} 7
`
	if got := sortedLines(exposition(t, c)); got != sortedLines(simplified(want)) {
		t.Errorf("metrics\n%s\nwant\n%s", got, want)
	}
}
