package telemetry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce/telemetry"
)

func TestEndpoints(t *testing.T) {
	var draining atomic.Bool
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "answer", Help: "h"},
		func() float64 { return 42 }))
	e := &telemetry.Endpoints{Gatherer: reg, Ready: func() error {
		if draining.Load() {
			return errors.New("draining")
		}
		return nil
	}}
	for _, tt := range []struct {
		method, path string
		draining     bool
		status       int
		body         string
	}{
		{"GET", "/metrics", false, 200, "\nanswer 42\n"},
		{"GET", "/metrics", true, 200, "\nanswer 42\n"},
		{"GET", "/healthz", true, 200, "ok\n"},
		{"GET", "/readyz", false, 200, "ok\n"},
		{"GET", "/readyz", true, 503, "draining\n"},
		{"HEAD", "/readyz", true, 503, ""},
		{"POST", "/metrics", false, 405, ""},
		{"GET", "/debug/pprof/", false, 404, ""},
		{"GET", "/", false, 404, ""},
	} {
		draining.Store(tt.draining)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s %s: %d %q, want %d and %q", tt.method, tt.path, w.Code, w.Body, tt.status, tt.body)
		}
	}
	profiles := &telemetry.Endpoints{Gatherer: reg, Profiles: true}
	w := httptest.NewRecorder()
	profiles.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/goroutine?debug=1", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "goroutine profile") {
		t.Errorf("profile: %d %q", w.Code, w.Body)
	}
}
