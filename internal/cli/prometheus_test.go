//go:build unix

package cli

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
)

// Debian's Prometheus scrapes a server and a link, with native histograms.
func TestPrometheusScrapes(t *testing.T) {
	t.Parallel()
	program := daemon.Find(t, "prometheus")
	srv, metrics := serveMonitored(t)
	lnk, err := startLink([]string{"--listen", "127.0.0.1:0", "--to", srv.addrs[0], "--api", "127.0.0.1:0",
		"--http", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lnk.kill)
	exchange(t, connect(t, lnk.addrs[0]), 3)
	dir := t.TempDir()
	config := fmt.Sprintf(`
global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs: [{job_name: ohce, static_configs: [{targets: [%q, %q]}]}]
`, metrics, metricsAddress(t, lnk))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	prometheus := daemon.StartHTTP(t, program, func(port uint16) []string {
		return []string{
			"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--log.level=error",
			fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port), "--enable-feature=native-histograms",
		}
	}, "/-/ready").String()
	for query, want := range map[string]string{
		`sum(ohce_requests_total)`:                                           `"3"`,
		`ohce_link_sent_total{link="link-1",direction="down"}`:               `"3"`,
		`sum(histogram_count(ohce_handler_duration_seconds)) > bool 0`:       `"1"`,
		`sum(histogram_sum(ohce_handler_duration_seconds)) > bool 0`:         `"1"`,
		`histogram_quantile(1, sum(ohce_handler_duration_seconds)) < bool 9`: `"1"`,
		`sum(up)`: `"2"`,
	} {
		awaitQuery(t, prometheus, query, want)
	}
}

// awaitQuery waits until the only value of a query of Prometheus is want.
func awaitQuery(t *testing.T, prometheus, query, want string) {
	t.Helper()
	address := "http://" + prometheus + "/api/v1/query?" + url.Values{"query": {query}}.Encode()
	deadline := time.Now().Add(patience)
	for {
		_, body := fetch(t, address)
		if strings.Contains(body, ","+want+"]}]") {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s is %s, want %s", query, body, want)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
