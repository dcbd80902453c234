package exporter

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// A logBuffer is the output of a log. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startLogged starts an exporter and returns its log and its URL.
func startLogged(t *testing.T, config string) (log *logBuffer, url string) {
	t.Helper()
	log = &logBuffer{}
	_, url = start(t, config, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	return log, url
}

func TestRefusalLimit(t *testing.T) {
	var l refusalLimit
	begin := time.Unix(1, 0)
	for _, tt := range []struct {
		after    time.Duration
		unlisted int
		ok       bool
	}{
		{0, 0, true}, {ms, 0, false}, {999 * ms, 0, false}, {time.Second, 2, true}, {1999 * ms, 0, false},
		{5 * time.Second, 1, true}, {9 * time.Second, 0, true},
	} {
		if unlisted, ok := l.admit(begin.Add(tt.after)); unlisted != tt.unlisted || ok != tt.ok {
			t.Errorf("after %v: %d, %v, want %d, %v", tt.after, unlisted, ok, tt.unlisted, tt.ok)
		}
	}
}

// A refused request has a line in the log, but not each one of many.
func TestRefusalLog(t *testing.T) {
	log, url := startLogged(t, "")
	for _, query := range []string{"module=zap&target=a:1", "module=zap&target=b:1"} {
		if status, _ := fetch(t, "GET", url+"/probe?"+query); status != 400 {
			t.Errorf("%s: status %d", query, status)
		}
	}
	want := `level=WARN msg="request refused" client=127.0.0.1:`
	if text := log.String(); !strings.Contains(text, want) || !strings.Contains(text, `error="unknown module \"zap\"; the modules`) ||
		!strings.Contains(text, "reason=module") {
		t.Errorf("the log is %s", text)
	}
}

// The log of a reload has the numbers of modules and targets, and says if there is no file.
func TestReloadLog(t *testing.T) {
	for _, tt := range []struct{ config, response, line string }{
		{"", "no file: the modules are the ready-made ones\n",
			`level=INFO msg="there is no configuration file to load" modules=14 targets=0`},
		{"modules: {a: {prober: udp, udp: {probe: echo}}}", "loaded\n", "modules.yml modules=15 targets=0"},
	} {
		log, url := startLogged(t, tt.config)
		if status, body := fetch(t, "POST", url+"/-/reload"); status != 200 || body != tt.response {
			t.Errorf("%q: %d %q, want %q", tt.config, status, body, tt.response)
		}
		if text := log.String(); !strings.Contains(text, tt.line) {
			t.Errorf("%q: the log is %s, want %s", tt.config, text, tt.line)
		}
	}
}
