//go:build unix

package cli

import (
	"bufio"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/browsertest"
)

// awaitTotal waits until an element of the page shows a total.
func awaitTotal(p *browsertest.Page, id string, n float64) {
	p.Await(fmt.Sprintf(`document.getElementById(%q).innerText.startsWith("%.0f in total")`, id, n))
}

// The figures on the page of a server move, and equal the metrics.
func TestServePage(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	p, addr := serveMonitored(t, "--buffer-size", "100")
	page := b.Open(t, "http://"+addr+"/", browsertest.Light)
	awaitTotal(page, "received-detail", 0)
	page.Await(`!document.querySelector("#no-drops").hidden`)
	c := connect(t, p.addrs[0])
	exchange(t, c, 3)
	awaitTotal(page, "received-detail", 3)
	if _, err := c.Write(make([]byte, 101)); err != nil {
		t.Fatal(err)
	}
	exchange(t, c, 12)
	awaitTotal(page, "received-detail", 16)
	text := awaitMetrics(t, addr, map[string]float64{
		`ohce_requests_total{shard="0"}`: 16, `ohce_responses_total{shard="0"}`: 15,
		`ohce_dropped_total{reason="oversize",shard="0"}`: 1,
	})
	for id, name := range map[string]string{
		"received-detail": "ohce_requests_total{", "sent-detail": "ohce_responses_total{",
		"dropped-detail": "ohce_dropped_total{", "kernel-detail": "ohce_kernel_dropped_total{",
	} {
		awaitTotal(page, id, sumOf(t, text, name))
	}
	row := page.Text(`#drops tr[data-name=oversize]`)
	if !regexp.MustCompile(`\s1\s*$`).MatchString(row) {
		t.Errorf("oversize is 1 in the metrics and %q on the page", row)
	}
	page.Await(`document.querySelector("#prefixes tbody").innerText.includes("127.0.0.0/24")`)
	page.Await(`[...document.querySelectorAll("#exchanges tbody tr")].some(r => r.innerText.includes("` +
		c.LocalAddr().String() + `") && r.innerText.includes("11"))`) // the text of the last request
	page.CheckQuiet()
}

// The figures on the page of a link equal the metrics.
func TestLinkPage(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	p, addr := linkMonitored(t, "--up", "duplicate=100%")
	page := b.Open(t, "http://"+addr+"/", browsertest.Light)
	awaitTotal(page, "up-received-detail", 0)
	exchange(t, connect(t, p.addrs[0]), 1)
	awaitTotal(page, "up-received-detail", 1)
	awaitTotal(page, "down-received-detail", 2) // the server answers the copy, too
	text := awaitMetrics(t, addr, map[string]float64{
		`ohce_link_sent_total{direction="up",link="link-1"}`:                        2,
		`ohce_link_sent_total{direction="down",link="link-1"}`:                      2,
		`ohce_link_changed_total{change="duplicated",direction="up",link="link-1"}`: 1,
	})
	for id, name := range map[string]string{
		"up-received-detail":   `ohce_link_received_total{direction="up"`,
		"up-sent-detail":       `ohce_link_sent_total{direction="up"`,
		"down-received-detail": `ohce_link_received_total{direction="down"`,
		"down-sent-detail":     `ohce_link_sent_total{direction="down"`,
		"dropped-detail":       "ohce_link_dropped_total{",
	} {
		awaitTotal(page, id, sumOf(t, text, name))
	}
	row := page.Text(`.link tr[data-name=duplicated]`)
	if !regexp.MustCompile(`\s1\s+0\s+0\s*$`).MatchString(row) {
		t.Errorf("duplicated is 1 in the metrics and %q on the page", row)
	}
	page.Await(`document.querySelector(".impairments").innerText.includes("duplicate=100%")`)
	page.CheckQuiet()
}

// sampledEvents returns the figures of a server until they have a sample. It sends a request when the
// server takes samples, which it does while the page is open.
func sampledEvents(t *testing.T, addr string, send func()) string {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	sent := false
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		text.WriteString(in.Text() + "\n")
		if strings.Contains(in.Text(), `"request":`) {
			return text.String()
		}
		if !sent && strings.Contains(in.Text(), `"prefixes":`) {
			send()
			sent = true
		}
	}
	t.Fatalf("the figures ended without a sample: %s", text.String())
	return ""
}

// If other machines can open the page, it shows the sizes of datagrams, and not their texts.
func TestPageTexts(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]bool{"127.0.0.1:0": true, "0.0.0.0:0": false} {
		t.Run(listen, func(t *testing.T) {
			t.Parallel()
			p, addr := serveMonitored(t, "--http", listen)
			text := sampledEvents(t, strings.Replace(addr, "0.0.0.0", "127.0.0.1", 1), func() {
				exchange(t, connect(t, p.addrs[0]), 1)
			})
			if got := strings.Contains(text, "request_text"); got != want {
				t.Errorf("texts on the page: %v, want %v: %s", got, want, text)
			}
		})
	}
}

// The page answers requests for the address of --http and the names of --http-host.
func TestPageHosts(t *testing.T) {
	t.Parallel()
	_, addr := serveMonitored(t, "--http-host", "monitor.example")
	for host, want := range map[string]int{addr: 200, "monitor.example": 200, "rebound.example": 403} {
		for _, path := range []string{"/", "/events"} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s for the host %s: %s, want %d", path, host, resp.Status, want)
			}
		}
	}
	if status, _ := fetch(t, "http://"+addr+"/other"); status != 404 {
		t.Errorf("another path: status %d, want 404", status)
	}
}
