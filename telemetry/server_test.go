package telemetry_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
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

var update = flag.Bool("update", false, "write the files in testdata")

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
		checkMetrics(t, "server", telemetry.NewServerCollector(srv, prometheus.Labels{"server": "a"}))
	})
}

// checkMetrics compares all metrics of a collector, with their types, help texts and buckets, with a
// file in testdata.
func checkMetrics(t *testing.T, name string, c prometheus.Collector) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&got, f); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs; if the change is intended, run this test with -update\n%s", file, &got)
	}
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
		checkMetrics(t, "client", c)
		if accepted != 2 {
			t.Errorf("the other trace counted %d, want 2", accepted)
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
	checkMetrics(t, "link", c)
}
