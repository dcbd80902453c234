package dashboard

import (
	"strconv"
	"testing"

	"github.com/ohce/ohce/internal/browsertest"
)

// Conditions that hold once all parts of a page have figures.
const (
	shownServer = `document.querySelectorAll("#exchanges tbody tr").length === 12 &&
		!document.querySelector("#prefixes").hidden && document.querySelector("#handler").innerText !== "–" &&
		document.querySelector("path.line")`
	shownLinks = `document.querySelectorAll(".link").length === 2 && document.querySelectorAll("path.line").length === 4`
)

// The pages are quiet and accessible in all views, and nothing is wider than the window.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	views := []browsertest.View{browsertest.Dark, browsertest.Narrow, browsertest.Light, browsertest.Still}
	for _, tt := range []struct {
		name  string
		links bool
		shown string
	}{{"server", false, shownServer}, {"links", true, shownLinks}} {
		s := serveSample(t, tt.links)
		for _, v := range views {
			t.Run(tt.name+"/"+v.Name, func(t *testing.T) {
				p := b.Open(t, s.url, v)
				p.Await(tt.shown)
				p.Await(`document.querySelector("#summary").textContent.includes("dropped")`)
				p.Await(`document.documentElement.scrollWidth <= innerWidth`)
				p.CheckAccessibility()
				p.CheckQuiet()
			})
		}
	}
}

// The page shows what the history has, and continues it.
func TestBrowserChart(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	p := b.Open(t, serveSample(t, false).url, browsertest.Light)
	p.Await(shownServer)
	p.Await(`times.length === 300 && Math.max(...series.get("server|rate")) > 5000`)
	first := browsertest.Eval[float64](p, `latest.time`)
	p.Await(`times.length === 300 && latest.time > ` + strconv.FormatFloat(first, 'f', -1, 64))
	label := browsertest.Eval[string](p, `document.querySelector(".chart svg").getAttribute("aria-label")`)
	if want := "Requests and responses a second, last five minutes. Now "; len(label) < len(want) || label[:len(want)] != want {
		t.Errorf("the chart has the text %q", label)
	}
	p.Await(`[...document.querySelectorAll("#drops tbody tr:not([hidden])")].map(r => r.dataset.name).join() ===
		"kernel,oversize,rate"`)
}

// Without a connection, the page says of when its figures are, and it connects again.
func TestBrowserReconnects(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	s := serveSample(t, false)
	p := b.Open(t, s.url, browsertest.Light)
	p.Await(`document.querySelector("#status").dataset.state === "live"`)
	s.down.Store(true)
	s.server.CloseClientConnections()
	p.Await(`document.querySelector("#state").innerText === "Connection lost. Reconnecting. These figures are from"`)
	if time := p.Text("#time"); len(time) != len("12:00:00") {
		t.Errorf("the time is %q", time)
	}
	p.Await(`source.readyState === EventSource.CLOSED`) // the server has refused the stream
	s.down.Store(false)
	p.Await(`document.querySelector("#status").dataset.state === "live" && times.length === 300`)
}

// The button stops the figures, and shows the newest ones afterwards.
func TestBrowserPauses(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	p := b.Open(t, serveSample(t, false).url, browsertest.Light)
	p.Await(shownServer)
	before := browsertest.Eval[string](p, `document.querySelector("#pause").click(),
		document.querySelector("#received-detail").innerText`)
	seen := browsertest.Eval[float64](p, `latest.time`)
	p.Await(`latest.time > ` + strconv.FormatFloat(seen, 'f', -1, 64))
	if now := p.Text("#received-detail"); now != before || p.Text("#state") != "Paused at" {
		t.Errorf("%q changed to %q; state %q", before, now, p.Text("#state"))
	}
	p.Await(`document.querySelector("#pause").getAttribute("aria-pressed") === "true"`)
	after := browsertest.Eval[string](p, `document.querySelector("#pause").click(),
		document.querySelector("#received-detail").innerText`)
	if after == before {
		t.Errorf("still %q", after)
	}
}
