package loadreport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/internal/testsize"
)

// browse opens a page in headless Chromium. It returns the elements of the page after it was
// loaded, the messages of the console, and the addresses that the browser requested for the page.
// No name and no address can be reached. The test is skipped if Chromium is missing, except in CI.
func browse(t *testing.T, file string) (dom string, console, requests []string) {
	t.Helper()
	testsize.RequireFull(t)
	chromium := daemon.Find(t, "chromium")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	log := filepath.Join(t.TempDir(), "net.json")
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-quic", "--no-first-run", "--disable-background-networking", "--no-proxy-server",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir="+t.TempDir(), "--log-net-log="+log,
		"--enable-logging=stderr", "--v=0", "--dump-dom", "file://"+file)
	cmd.WaitDelay = 10 * time.Second // its children can keep the pipes open
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, strings.TrimSpace(line))
		}
	}
	return stdout.String(), console, requested(t, log)
}

// requested returns the addresses in a log of Chromium's network stack that a page made it request.
func requested(t *testing.T, file string) (all []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Events []struct {
			Params struct {
				URL       string `json:"url"`
				Initiator string `json:"initiator"`
			} `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	if len(log.Events) == 0 {
		t.Fatal("the log has no events")
	}
	for _, e := range log.Events {
		if i := e.Params.Initiator; i != "" && i != "not an origin" { // others are Chromium's own
			all = append(all, e.Params.URL)
		}
	}
	return all
}

func TestBrowser(t *testing.T) {
	for _, name := range []string{"empty", "stalls", "untrustworthy"} {
		t.Run(name, func(t *testing.T) {
			var page bytes.Buffer
			if err := loadreport.WriteHTML(&page, header, reports[name]); err != nil {
				t.Fatal(err)
			}
			dom, console, requests := browse(t, pageFile(t, page.String()))
			if len(console) > 0 {
				t.Errorf("the console has messages:\n%s", strings.Join(console, "\n"))
			}
			if len(requests) > 0 {
				t.Errorf("the page requests %q", requests)
			}
			if !strings.Contains(dom, "</html>") || strings.Contains(dom, "<script") {
				t.Errorf("unexpected elements:\n%s", dom)
			}
		})
	}
}

// TestBrowserFindsDefects checks that the test of the pages would find a request, a violation of
// the Content-Security-Policy and a script.
func TestBrowserFindsDefects(t *testing.T) {
	page := `<!DOCTYPE html><html><head><title>x</title></head><body style="color:red">
<img src="http://192.0.2.1/image.png" alt=""><script>console.error("a message")</script></body></html>`
	dom, console, requests := browse(t, pageFile(t, page))
	if len(console) == 0 || len(requests) == 0 || !strings.Contains(dom, "<script") {
		t.Errorf("console %q, requests %q, elements %s", console, requests, dom)
	}
	var good bytes.Buffer
	if err := loadreport.WriteHTML(&good, header, reports["one"]); err != nil {
		t.Fatal(err)
	}
	body := `<body style="color:red"><img src="http://192.0.2.1/image.png" alt=""><script>1</script>`
	_, console, requests = browse(t, pageFile(t, strings.Replace(good.String(), "<body>", body, 1)))
	if len(console) != 3 || len(requests) != 0 {
		t.Errorf("the policy of the page allows a style, an image or a script: %q, %q", console, requests)
	}
}

// pageFile writes a page to a file.
func pageFile(t *testing.T, page string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
