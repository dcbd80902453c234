package telemetry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
	"github.com/ohce/ohce/telemetry"
)

func ExampleNewServerCollector() {
	s := ohcetest.NewServer(nil) // echoes
	defer s.Close()
	reg := prometheus.NewRegistry()
	reg.MustRegister(telemetry.NewServerCollector(s.Config, prometheus.Labels{"service": "echo"}))
	families, err := reg.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "_bytes_total") {
			fmt.Println(f.GetName())
		}
	}
	// Output:
	// ohce_request_bytes_total
	// ohce_response_bytes_total
}

func ExampleNewClientCollector() {
	client := &ohce.Client{Addr: "127.0.0.1:3000"}
	defer client.Close()
	collector := telemetry.NewClientCollector(client, nil)
	client.Trace = ohce.JoinTraces(client.Trace, collector.Trace())
	prometheus.NewRegistry().MustRegister(collector)
}

func ExampleNewLinkCollector() {
	r := &relay.Relay{To: "127.0.0.1:3000"}
	collector := telemetry.NewLinkCollector(func(yield func(string, relay.Stats) bool) {
		yield("lossy", r.Stats())
	}, nil)
	prometheus.NewRegistry().MustRegister(collector)
}

func ExampleEndpoints() {
	e := &telemetry.Endpoints{Gatherer: prometheus.NewRegistry()}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 200 ok
}
