package lab

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// serve serves a handler and returns its URL.
func serve(t *testing.T, h *Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// request makes a request and returns the response with its body.
func request(t *testing.T, method, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestHandler(t *testing.T) {
	url := serve(t, &Handler{Hosts: []string{"lab.example"}})
	const quick = "/run?loss=0&delay=5"
	for _, tt := range []struct {
		name, method, path string
		header             []string
		status             int
		body               string
	}{
		{"page", "GET", "/", nil, 200, "<title>ohce lab"},
		{"page with settings", "GET", "/?loss=50", nil, 200, "<title>ohce lab"},
		{"head", "HEAD", "/", nil, 200, ""},
		{"script", "GET", "/lab.js", nil, 200, `"use strict"`},
		{"unknown", "GET", "/x", nil, 404, ""},
		{"folder", "GET", "/static/lab.js", nil, 404, ""},
		{"method", "POST", "/", nil, 405, ""},
		{"run", "POST", quick, nil, 200, `"outcome":"\"OLLEh\" after 10 ms, 1 attempt"`},
		{"run of a picture", "GET", quick, nil, 405, ""},
		{"wrong setting", "POST", "/run?loss=200", nil, 400, `{"error":"loss=\"200\": must be a whole number from 0 to 100"}`},
		{"own origin", "POST", quick, []string{"Sec-Fetch-Site", "same-origin"}, 200, "OLLEh"},
		{"other origin", "POST", quick, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another origin"},
		{"other origin, old browser", "POST", quick, []string{"Origin", "http://attacker.example"}, 403, "another origin"},
		{"rebound name", "GET", "/", []string{"Host", "attacker.example"}, 403, "is refused"},
		{"rebound name, run", "POST", quick, []string{"Host", "attacker.example"}, 403, "is refused"},
		{"allowed name", "GET", "/", []string{"Host", "lab.example"}, 200, "<title>ohce lab"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := request(t, tt.method, url+tt.path, tt.header...)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("status %d, want %d; body %q lacks %q", resp.StatusCode, tt.status, body, tt.body)
			}
			h := resp.Header
			if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self'; ") {
				t.Errorf("policy %s", policy)
			}
			if h.Get("Content-Security-Policy") != policy || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("header %v", h)
			}
			if h.Get("Set-Cookie") != "" {
				t.Error("the response sets a cookie")
			}
		})
	}
}

// TestRunsAreLimited checks that the lab makes only some runs at a time, and recovers.
func TestRunsAreLimited(t *testing.T) {
	h := &Handler{MaxRuns: 1}
	h.once.Do(h.init)
	h.slots <- struct{}{} // a run in progress
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/run", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, body %s", w.Code, w.Body)
	}
	<-h.slots
	url := serve(t, h)
	var runs sync.WaitGroup
	for range 6 {
		runs.Go(func() {
			if resp, body := request(t, "POST", url+"/run?loss=0&delay=5"); resp.StatusCode != 200 {
				t.Errorf("status %d: %s", resp.StatusCode, body)
			}
		})
	}
	runs.Wait()
	if len(h.slots) != 0 {
		t.Errorf("%d runs did not end", len(h.slots))
	}
}

// TestTextIsEscaped checks that a text with markup stays a text.
func TestTextIsEscaped(t *testing.T) {
	url := serve(t, &Handler{})
	_, body := request(t, "POST", url+"/run?loss=0&delay=5&text=%3Cscript%3E%22%00%1b")
	var result Result
	if err := json.Unmarshal([]byte(body), &result); err != nil {
		t.Fatal(err)
	}
	if x := result.Exchanges[0]; strings.Contains(body, "<script") || x.Request != "<script>\"\x00\x1b" ||
		strings.ContainsAny(x.Steps[0].Text, "\x00\x1b") {
		t.Errorf("body %s", body)
	}
}

// TestSize limits what a browser loads.
func TestSize(t *testing.T) {
	const most = 100 << 10
	size := len(page())
	err := fs.WalkDir(static, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".html") {
			return err
		}
		data, err := fs.ReadFile(static, name)
		size += len(data)
		return err
	})
	if err != nil || size > most {
		t.Errorf("the page has %d bytes, want at most %d; %v", size, most, err)
	}
	if text := string(page()); strings.Contains(text, "style=") || strings.Contains(text, "onclick") {
		t.Error("the page has styles or scripts of its own, which its policy forbids")
	}
}
