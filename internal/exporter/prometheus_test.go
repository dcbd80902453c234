package exporter

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/daemon"
)

// deployDir has the files for Prometheus and Grafana.
const deployDir = "../../deploy/prometheus"

// promtool runs Debian's promtool in a directory. input is its standard input.
func promtool(t *testing.T, dir, input string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), daemon.Find(t, "promtool"), args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "WARN") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestPromtool checks the files in deploy/prometheus.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool(t, deployDir, "", "check", "config", "prometheus.yml")
	promtool(t, deployDir, "", "check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")
	promtool(t, deployDir, "", "test", "rules", "alerts_test.yml")
}

// TestPromtoolMetrics checks the metrics of the exporter and of probes.
func TestPromtoolMetrics(t *testing.T) {
	t.Parallel()
	server := echoServer(t)
	_, url := start(t, `
modules: {m: {prober: udp, timeout: 300ms, udp: {count: 3, interval: 10ms, query_response: [
  {send: a}, {expect: "(.*)", labels: [{name: text, value: "$1"}]}, {expect_bytes: a, send: b}]}}}
targets: [{target: "`+server+`", module: echo, interval: 10ms}]
`, nil)
	for _, path := range []string{"/probe?module=m&target=" + server, "/probe?module=echo&target=" + deadAddr(t), "/metrics"} {
		_, body := fetch(t, "GET", url+path)
		promtool(t, ".", body, "check", "metrics")
	}
}

// serverMetrics are the metrics of ohce serve --http that the rules and the dashboard use.
var serverMetrics = []string{
	"ohce_requests_total", "ohce_responses_total", "ohce_dropped_total", "ohce_kernel_dropped_total",
	"ohce_handler_duration_seconds", "ohce_build_info",
}

// TestDashboard checks that the dashboard and the rules use metrics that exist, and that promtool
// accepts the queries of the dashboard.
func TestDashboard(t *testing.T) {
	t.Parallel()
	server := echoServer(t)
	_, url := start(t, `targets: [{target: "`+server+`", module: echo, interval: 10ms}]`, nil)
	fetch(t, "GET", url+"/probe?module=nix&target=a")
	_, probe := fetch(t, "GET", url+"/probe?module=echo&target="+server)
	_, own := fetch(t, "GET", url+"/metrics")
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(probe+own, -1) {
		known[m[1]] = true
	}
	for _, name := range serverMetrics {
		known[name] = true
	}
	text, err := os.ReadFile(filepath.Join(deployDir, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join(deployDir, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`\b(?:ohce|probe)_\w+`).FindAllString(string(text)+string(rules), -1)
	for _, name := range used {
		if name = strings.TrimSuffix(name, "_bucket"); !known[name] && !strings.Contains(name, ":") && name != "ohce_watch_loss" {
			t.Errorf("no server and no exporter has the metric %s", name)
		}
	}
	if len(used) < 30 {
		t.Errorf("%d metrics are used", len(used))
	}
	checkQueries(t, text)
}

// checkQueries checks the queries of a dashboard with promtool.
func checkQueries(t *testing.T, dashboard []byte) {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(dashboard, &d); err != nil {
		t.Fatal(err)
	}
	rules := "groups:\n- name: dashboard\n  rules:\n"
	for i, p := range d.Panels {
		for j, target := range p.Targets {
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "1m")
			rules += fmt.Sprintf("  - {record: 'q%d_%d', expr: '%s'}\n", i, j, expr)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, "", "check", "rules", "rules.yml")
}

// startPrometheus starts Debian's Prometheus with the alerts of deploy/prometheus, but shorter times,
// and a scrape configuration for an exporter. It returns the URL.
func startPrometheus(t *testing.T, exporter, target string) string {
	t.Helper()
	program := daemon.Find(t, "prometheus")
	dir := t.TempDir()
	rules, err := os.ReadFile(filepath.Join(deployDir, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules = regexp.MustCompile(`for: \d+m`).ReplaceAll(rules, []byte("for: 400ms"))
	config, err := os.ReadFile(filepath.Join(deployDir, "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	config = regexp.MustCompile(`(?m)^ {6}- targets: .*\n {8}labels: .*\n`).ReplaceAll(config, nil)
	text := strings.NewReplacer(
		"scrape_interval: 15s", "scrape_interval: 200ms\n  scrape_timeout: 200ms", "evaluation_interval: 15s", "evaluation_interval: 200ms",
		"scrape_timeout: 10s", "scrape_timeout: 200ms",
		"    static_configs:\n    relabel", "    static_configs: [{targets: ['"+target+"'], labels: {module: echo}}]\n    relabel",
		"127.0.0.1:9115", exporter, "192.0.2.7:9116", exporter,
	).Replace(string(config))
	for name, data := range map[string]string{"prometheus.yml": text, "alerts.yml": string(rules)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "http://" + daemon.StartHTTP(t, program, func(port uint16) []string {
		return []string{
			"--config.file=" + filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(dir, "data"),
			fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port), "--log.level=warn",
		}
	}, "/-/ready").String()
}

// firing returns the names of the alerts that fire.
func firing(t *testing.T, prometheus string) []string {
	t.Helper()
	_, body := fetch(t, "GET", prometheus+"/api/v1/alerts")
	var response struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &response); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	names := map[string]bool{}
	for _, a := range response.Data.Alerts {
		if a.State == "firing" {
			names[a.Labels["alertname"]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// await calls f until it returns true.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s failed", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestPrometheus lets Debian's Prometheus scrape the exporter with the files of deploy/prometheus. An
// alert fires when the server stops, and resolves when it returns.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	daemon.Find(t, "prometheus")
	srv := startServer(t, "127.0.0.1:0")
	target := srv.Addrs()[0].String()
	_, exporter := start(t, "", func(o *Options) { o.TimeoutOffset = 50 * time.Millisecond })
	prometheus := startPrometheus(t, strings.TrimPrefix(exporter, "http://"), target)
	query := func(q string) string {
		_, body := fetch(t, "GET", prometheus+"/api/v1/query?"+url.Values{"query": {q}}.Encode())
		return body
	}
	await(t, "the first probe", func() bool {
		return strings.Contains(query(`probe_success{instance="`+target+`",module="echo"} == 1`), `"value":`)
	})
	await(t, "the metrics of the exporter", func() bool {
		return strings.Contains(query(`ohce_exporter_probes_total{job="ohce-exporter",module="echo",result="success"} > 2`), `"value":`)
	})
	if names := firing(t, prometheus); len(names) > 0 {
		t.Errorf("the alerts %v fire", names)
	}
	srv.Close()
	await(t, "the alert", func() bool { return slices.Contains(firing(t, prometheus), "UDPServiceDown") })
	startServer(t, target)
	await(t, "the end of the alert", func() bool { return !slices.Contains(firing(t, prometheus), "UDPServiceDown") })
}

// startServer starts a server that echoes on an address.
func startServer(t *testing.T, addr string) *ohce.Server {
	t.Helper()
	srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) { w.Write(r.Data) })}
	if err := srv.Listen(addr); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }() // ends with Close
	t.Cleanup(func() { srv.Close(); <-served })
	return srv
}
