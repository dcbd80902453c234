package browsertest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/browsertest"
	"github.com/ohce/ohce/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// serve serves a page with a Content-Security-Policy.
func serve(t *testing.T, policy, page string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

const head = `<!DOCTYPE html><html lang="en"><head><title>A page</title></head><body><main><h1>A page</h1>`

func TestPage(t *testing.T) {
	b := browsertest.Start(t)
	t.Run("quiet", func(t *testing.T) {
		p := b.Open(t, serve(t, "default-src 'none'", head+"<p>text</p></main></body></html>"), browsertest.Light)
		p.Await(`document.title === "A page"`)
		p.CheckQuiet()
		if text := p.Text("p"); text != "text" {
			t.Errorf("text %q", text)
		}
	})
	t.Run("view", func(t *testing.T) {
		p := b.Open(t, serve(t, "default-src 'none'", head), browsertest.Dark)
		p.Await(`matchMedia("(prefers-color-scheme: dark)").matches && innerWidth === 1280`)
		p = b.Open(t, serve(t, "default-src 'none'", head), browsertest.Narrow)
		p.Await(`!matchMedia("(prefers-color-scheme: dark)").matches && innerWidth === 360`)
		p = b.Open(t, serve(t, "default-src 'none'", head), browsertest.Still)
		p.Await(`matchMedia("(prefers-reduced-motion: reduce)").matches`)
	})
	t.Run("messages and requests", func(t *testing.T) {
		p := b.Open(t, serve(t, "script-src 'unsafe-inline'; img-src http:", head+`<script>console.error("a message")
			throw new Error("an exception")</script><script src="http://192.0.2.1/x.js"></script>
			<img src="http://192.0.2.1/image.png" alt="">`), browsertest.Light)
		all := strings.Join(p.Console(), "\n")
		for _, want := range []string{"a message", "an exception", "Content Security Policy"} {
			if !strings.Contains(all, want) {
				t.Errorf("the console lacks %q:\n%s", want, all)
			}
		}
		if all := strings.Join(p.Requests(), "\n"); !strings.Contains(all, "http://192.0.2.1/image.png") {
			t.Errorf("requests:\n%s", all)
		}
	})
}

func TestAccessibility(t *testing.T) {
	b := browsertest.Start(t)
	p := b.Open(t, serve(t, "default-src 'none'", head+"<p>text</p></main></body></html>"), browsertest.Light)
	p.CheckAccessibility()
	p = b.Open(t, serve(t, "default-src 'none'", head+`<input></main></body></html>`), browsertest.Light)
	if found := p.Violations(); len(found) != 1 || !strings.HasPrefix(found[0], "label") {
		t.Errorf("an input without a label: %q", found)
	}
}
