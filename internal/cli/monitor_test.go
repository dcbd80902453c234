//go:build unix

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
)

// metricsAddress returns the address of --http of a process.
func metricsAddress(t *testing.T, p *process) string {
	t.Helper()
	if err := p.await("Metrics: http://"); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`Metrics: http://(\S+)/metrics`).FindStringSubmatch(p.stderr())
	return m[1]
}

// fetch returns the status and the body of a page.
func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// series returns the value of a series in text format. The test fails if there is none.
func series(t *testing.T, text, name string) float64 {
	t.Helper()
	return sumOf(t, text, name+" ")
}

// sumOf returns the sum of the series whose name and labels begin with prefix. The test fails if
// there are none.
func sumOf(t *testing.T, text, prefix string) (sum float64) {
	t.Helper()
	found := false
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		found, sum = true, sum+value
	}
	if !found {
		t.Fatalf("no metric %s in\n%s", prefix, text)
	}
	return sum
}

// awaitMetrics fetches the metrics at addr until series have the values in want, because a process
// counts a datagram after it has sent it. It returns the last text. If a value is still another one
// after patience, the test fails.
func awaitMetrics(t *testing.T, addr string, want map[string]float64) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		status, text := fetch(t, "http://"+addr+"/metrics")
		if status != 200 {
			t.Fatalf("status %d: %s", status, text)
		}
		var wrong []string
		for name, value := range want {
			if got := series(t, text, name); got != value {
				wrong = append(wrong, fmt.Sprintf("%s is %v, want %v", name, got, value))
			}
		}
		if len(wrong) == 0 {
			return text
		}
		if time.Now().After(deadline) {
			t.Errorf("after %v, %s", patience, strings.Join(wrong, "; "))
			return text
		}
	}
}

func serveMonitored(t *testing.T, args ...string) (p *process, addr string) {
	t.Helper()
	p, err := startServer(append([]string{"--listen", "127.0.0.1:0", "--shards", "1", "--http", "127.0.0.1:0"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p, metricsAddress(t, p)
}

func TestServeMetrics(t *testing.T) {
	t.Parallel()
	p, addr := serveMonitored(t, "--buffer-size", "100")
	c := connect(t, p.addrs[0])
	exchange(t, c, 3)
	if _, err := c.Write(make([]byte, 101)); err != nil {
		t.Fatal(err)
	}
	exchange(t, c, 1)
	text := awaitMetrics(t, addr, map[string]float64{
		`ohce_requests_total{shard="0"}`:                            5,
		`ohce_responses_total{shard="0"}`:                           4,
		`ohce_dropped_total{reason="oversize",shard="0"}`:           1,
		`ohce_kernel_dropped_total{shard="0"}`:                      0,
		`ohce_requests_in_flight{shard="0"}`:                        0,
		`ohce_read_datagrams_sum{shard="0"}`:                        5,
		`ohce_handler_duration_seconds_bucket{shard="0",le="+Inf"}`: 4,
	})
	if !regexp.MustCompile(`(?m)^ohce_build_info\{go_version="go1\S+",version="\S+"\} 1$`).MatchString(text) {
		t.Errorf("no build information in\n%s", text)
	}
	positive := []string{"go_goroutines"}
	if runtime.GOOS == "linux" { // the sandbox lets the process read its own use
		positive = append(positive, "process_resident_memory_bytes", "process_open_fds",
			"process_start_time_seconds")
	}
	for _, name := range positive {
		if series(t, text, name) <= 0 {
			t.Errorf("%s is not positive", name)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text := fetch(t, "http://"+addr+path); status != 200 || text != "ok\n" {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}
	if status, _ := fetch(t, "http://"+addr+"/debug/pprof/"); status != 404 {
		t.Errorf("profiles without --http-profiles: status %d, want 404", status)
	}
}

// linkMonitored starts a link with --http in front of a server.
func linkMonitored(t *testing.T, args ...string) (p *process, addr string) {
	t.Helper()
	srv := serving(t, "--log", "none")
	p, err := startLink(append([]string{"--listen", "127.0.0.1:0", "--to", srv.addrs[0], "--api", "127.0.0.1:0",
		"--http", "127.0.0.1:0"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p, metricsAddress(t, p)
}

func TestLinkMetrics(t *testing.T) {
	t.Parallel()
	p, addr := linkMonitored(t, "--up", "duplicate=100%")
	exchange(t, connect(t, p.addrs[0]), 1)
	awaitMetrics(t, addr, map[string]float64{
		`ohce_link_received_total{direction="up",link="link-1"}`:                    1,
		`ohce_link_sent_total{direction="up",link="link-1"}`:                        2,
		`ohce_link_changed_total{change="duplicated",direction="up",link="link-1"}`: 1,
		`ohce_link_dropped_total{direction="up",link="link-1",reason="lost"}`:       0,
		`ohce_link_mappings{link="link-1"}`:                                         1,
	})
}

// promtool, of Prometheus itself, finds nothing wrong with the metrics of a server and of a link.
func TestPromtoolChecksMetrics(t *testing.T) {
	t.Parallel()
	promtool := daemon.Find(t, "promtool")
	_, addr := serveMonitored(t)
	_, linkAddr := linkMonitored(t)
	for _, addr := range []string{addr, linkAddr} {
		_, text := fetch(t, "http://"+addr+"/metrics")
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// Profiles are not for web pages of another origin.
func TestServeProfiles(t *testing.T) {
	t.Parallel()
	_, addr := serveMonitored(t, "--http-profiles")
	for _, tt := range []struct {
		header, value string
		want          int
	}{
		{"Accept", "*/*", 200}, {"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "none", 200},
		{"Host", "rebound.example", 403},
	} {
		req, err := http.NewRequest("GET", "http://"+addr+"/debug/pprof/cmdline", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(tt.header, tt.value)
		if tt.header == "Host" {
			req.Host = tt.value
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %s: status %d, want %d", tt.header, tt.value, resp.StatusCode, tt.want)
		}
	}
}

// After a signal, the server serves for another --drain-delay, and /readyz says so to a balancer.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	p, addr := serveMonitored(t, "--drain-delay", "10m")
	c := connect(t, p.addrs[0])
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for {
		status, text := fetch(t, "http://"+addr+"/readyz")
		if status == 503 && strings.HasPrefix(text, "draining") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("/readyz: %d %q after a signal", status, text)
		}
	}
	if status, _ := fetch(t, "http://"+addr+"/healthz"); status != 200 {
		t.Errorf("/healthz: %d while draining, want 200", status)
	}
	exchange(t, c, 1)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := p.cmd.Wait(); err == nil || !strings.Contains(p.stderr(), "a second signal ended the server") {
		t.Errorf("%v: %s", err, p.stderr())
	}
}

func TestServeLogFormats(t *testing.T) {
	t.Parallel()
	p, err := startProcess(0, []string{"serve", "--listen", "127.0.0.1:0", "--log-format", "json",
		"--transform", "qcmp"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if err := p.await("Listening to "); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`Listening to (\S+?)"`).FindStringSubmatch(p.stderr())
	c := connect(t, m[1])
	if _, err := c.Write([]byte("no QCMP")); err != nil {
		t.Fatal(err)
	}
	if err := p.await(`"msg":"request"`); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	records := make(map[string]map[string]any)
	for line := range strings.Lines(p.stderr()) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q is no record: %v", line, err)
		}
		records[r["msg"].(string)] = r
	}
	request := records["request"]
	if request["client"] != c.LocalAddr().String() || request["request_bytes"] != 7.0 ||
		request["written"] != false || request["handler_ms"].(float64) <= 0 {
		t.Errorf("the record of the request is %v", request)
	}
	end, _ := records["end"]["stats"].(map[string]any)
	if end["received"] != 1.0 || end["answered"] != 0.0 {
		t.Errorf("the last record is %v", records["end"])
	}
}
