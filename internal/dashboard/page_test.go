package dashboard

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ohce/ohce"
)

// serve serves a Dashboard on a loopback address. It returns the address.
func serve(t *testing.T, d *Dashboard) string {
	t.Helper()
	d.Source = func() *Snapshot { return OfServer([]ohce.ShardStats{{}}) }
	d.Start()
	server := httptest.NewServer(d)
	t.Cleanup(func() { d.Close(); server.Close() })
	return strings.TrimPrefix(server.URL, "http://")
}

// request sends a request with header fields, as "Name: value" texts, and returns the response and
// the beginning of its body.
func request(t *testing.T, method, url string, fields ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body strings.Builder
	buf := make([]byte, 64<<10)
	n, err := resp.Body.Read(buf) // a stream has no end
	body.Write(buf[:n])
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") && err == nil {
		io.Copy(&body, resp.Body)
	}
	return resp, body.String()
}

// The page with all that it loads is small, names no other host, and tells the browser not to load
// anything else.
func TestFiles(t *testing.T) {
	for _, links := range []bool{false, true} {
		addr := serve(t, &Dashboard{Command: "ohce serve", Title: "<&>", OfLinks: links, Sampler: &Sampler{}})
		total := 0
		for path, kind := range map[string]string{
			"/": "text/html", "/dashboard.css": "text/css", "/dashboard.js": "text/javascript", "/icon.svg": "image/svg+xml",
		} {
			resp, body := request(t, "GET", "http://"+addr+path)
			total += len(body)
			if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) {
				t.Errorf("%s: %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
			}
			checkHeaders(t, resp.Header)
			text := strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "") // names SVG; it is no address
			for _, forbidden := range []string{"http://", "https://", "<&>", "style=", " onclick", "eval(", "innerHTML"} {
				if strings.Contains(text, forbidden) {
					t.Errorf("%s contains %q", path, forbidden)
				}
			}
		}
		if total > 100<<10 {
			t.Errorf("the page has %d bytes, want at most 100 KiB", total)
		}
		t.Logf("%d bytes", total)
	}
}

func checkHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control": "no-store", "Set-Cookie": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestEventHeaders(t *testing.T) {
	addr := serve(t, &Dashboard{})
	resp, _ := request(t, "GET", "http://"+addr+"/events")
	checkHeaders(t, resp.Header)
	if resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("headers %v", resp.Header)
	}
	if resp, body := request(t, "HEAD", "http://"+addr+"/events"); resp.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %s, %q", resp.Status, body)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		if resp, _ := request(t, method, "http://"+addr+"/events"); resp.StatusCode != 405 {
			t.Errorf("%s: %s, want 405", method, resp.Status)
		}
	}
}

// The page refuses other hosts, and requests of pages of another origin. A link from another page
// may lead to it.
func TestAccess(t *testing.T) {
	addr := serve(t, &Dashboard{Hosts: []string{"monitor.example"}})
	_, port, _ := strings.Cut(addr, ":")
	const cross, navigate = "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"
	for _, tt := range []struct {
		path   string
		fields []string
		status int
	}{
		{"/", nil, 200},
		{"/", []string{"Host: localhost:" + port}, 200},
		{"/", []string{"Host: monitor.example"}, 200},
		{"/", []string{"Host: rebound.example:" + port}, 403},
		{"/dashboard.js", []string{"Host: rebound.example"}, 403},
		{"/events", []string{"Host: rebound.example"}, 403},
		{"/", []string{cross, navigate}, 200},
		{"/", []string{cross, navigate, "Host: rebound.example"}, 403},
		{"/", []string{cross, "Sec-Fetch-Mode: no-cors"}, 403},
		{"/", []string{"Origin: http://other.example"}, 403},
		{"/events", []string{cross, navigate}, 403},
		{"/events", []string{cross, "Sec-Fetch-Mode: cors", "Origin: http://other.example"}, 403},
		{"/events", []string{"Sec-Fetch-Site: same-site"}, 403},
		{"/events", []string{"Origin: http://other.example"}, 403},
		{"/events", []string{"Origin: null"}, 403},
		{"/events", []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"}, 200},
		{"/events", []string{"Origin: http://" + addr}, 200},
		{"/dashboard.js", []string{cross, "Sec-Fetch-Mode: no-cors"}, 403},
	} {
		t.Run(fmt.Sprint(tt.path, tt.fields), func(t *testing.T) {
			resp, body := request(t, "GET", "http://"+addr+tt.path, tt.fields...)
			if resp.StatusCode != tt.status {
				t.Fatalf("status %s, want %d: %s", resp.Status, tt.status, body)
			}
			checkHeaders(t, resp.Header)
			if tt.status == 403 && (!strings.HasPrefix(body, "ohce: ") || strings.Count(body, "\n") > 2) {
				t.Errorf("the text is %q", body)
			}
		})
	}
	_, body := request(t, "GET", "http://"+addr+"/", "Host: rebound.example")
	if want := "ohce: host \"rebound.example\" is refused\nhint: use the address of --http, or allow the name " +
		"with --http-host NAME\n"; body != want {
		t.Errorf("%q, want %q", body, want)
	}
}
