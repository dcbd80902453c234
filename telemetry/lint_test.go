package telemetry_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
	"github.com/ohce/ohce/telemetry"
)

// Names, units and help texts follow the conventions of Prometheus, and all collectors fit into one
// registry.
func TestConventions(t *testing.T) {
	s := ohcetest.NewServer(nil)
	defer s.Close()
	client := s.Client()
	defer client.Close()
	if _, err := client.Exchange(t.Context(), []byte("Hello")); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(telemetry.NewServerCollector(s.Config, nil),
		telemetry.NewClientCollector(&ohce.Client{}, nil),
		telemetry.NewLinkCollector(func(yield func(string, relay.Stats) bool) {
			yield("link-1", relay.Stats{})
		}, nil))
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
