package lab_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/ohce/ohce/internal/browsertest"
	"github.com/ohce/ohce/internal/lab"
)

// start serves a lab and returns its address.
func start(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(&lab.Handler{})
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// shown waits until the page shows the end of a run.
func shown(p *browsertest.Page) {
	p.Await(`document.getElementById("message").textContent === "" && !document.getElementById("stage").hidden &&
		document.getElementById("play").textContent === "Play"`)
}

// A picture is what the page shows about an exchange.
type picture struct {
	SVG, Outcome string
	Steps        []string // of the table, with their times
	Measured     []string
}

// pictures returns what the page shows.
func pictures(p *browsertest.Page) []picture {
	return browsertest.Eval[[]picture](p, `[...document.querySelectorAll(".exchange")].map((e) => ({
		SVG: e.querySelector("svg").outerHTML,
		Outcome: e.querySelector(".outcome").textContent,
		Steps: [...e.querySelectorAll("tbody tr")].map((r) => r.cells[0].textContent + ": " + r.cells[1].textContent),
		Measured: [...e.querySelectorAll("tbody tr")].map((r) => r.cells[2].textContent),
	}))`)
}

// count returns the number of steps with a text.
func (p *picture) count(text string) (n int) {
	for _, s := range p.Steps {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

func TestBrowser(t *testing.T) {
	b := browsertest.Start(t)
	url := start(t)
	t.Run("everything lost", func(t *testing.T) {
		p := b.Open(t, url+"?loss=100", browsertest.Still)
		shown(p)
		for i, x := range pictures(p) {
			if !strings.HasPrefix(x.Outcome, "SERVER IS DOWN ! after 1500 ms") || !strings.Contains(x.SVG, ">SERVER IS DOWN !<") {
				t.Errorf("exchange %d: outcome %q", i, x.Outcome)
			}
			if n := x.count("The link loses the request"); n != strings.Count(x.SVG, ">lost<") || n < 5 {
				t.Errorf("exchange %d: %d requests are lost in the table, and %d in the picture", i, n,
					strings.Count(x.SVG, ">lost<"))
			}
		}
		p.CheckQuiet()
	})
	t.Run("30 % loss", func(t *testing.T) {
		p := b.Open(t, url+"?loss=30&seed=8", browsertest.Still)
		shown(p)
		for i, x := range pictures(p) {
			if x.count("Retransmission:") != 2 || !strings.Contains(x.Outcome, `"OLLEh" after 3`) {
				t.Errorf("exchange %d: %q, steps %q", i, x.Outcome, x.Steps)
			}
			if !strings.Contains(x.SVG, ">3 · ") || !strings.Contains(x.SVG, ">answer<") {
				t.Errorf("exchange %d: the picture lacks the third attempt or the answer", i)
			}
		}
		p.CheckQuiet()
	})
	t.Run("same picture", func(t *testing.T) { testSamePicture(t, b, url) })
	t.Run("keyboard", func(t *testing.T) { testKeyboard(t, b, url) })
	t.Run("playback", func(t *testing.T) { testPlayback(t, b, url) })
	t.Run("wrong link", func(t *testing.T) {
		p := b.Open(t, url+"?loss=300", browsertest.Light)
		p.Await(`document.getElementById("message").textContent.includes("from 0 to 100")`)
	})
}

// testSamePicture opens a link twice, and once more by history.
func testSamePicture(t *testing.T, b *browsertest.Browser, url string) {
	const settings = "?text=Gr%C3%BC%C3%9Fe&loss=20&delay=60&jitter=45&duplicate=40&overtake=on&seed=14&server=on"
	first := b.Open(t, url+settings, browsertest.Still)
	shown(first)
	second := b.Open(t, url+settings, browsertest.Still)
	shown(second)
	compare := func(name string, got, want []picture) {
		for i := range want {
			if got[i].SVG != want[i].SVG || !slices.Equal(got[i].Steps, want[i].Steps) || got[i].Outcome != want[i].Outcome {
				t.Errorf("%s: exchange %d has another picture:\n%s\n%s\n%q\n%q", name, i, got[i].SVG, want[i].SVG,
					got[i].Steps, want[i].Steps)
			}
			if slices.Equal(got[i].Measured, want[i].Measured) {
				t.Errorf("%s: exchange %d has the same measured times: %q", name, i, got[i].Measured)
			}
		}
	}
	want := pictures(first)
	compare("second load", pictures(second), want)
	if search := browsertest.Eval[string](second, "location.search"); search != settings {
		t.Errorf("the query is %s, want %s", search, settings)
	}
	port := browsertest.Eval[string](second, `document.querySelector(".ports b").textContent`)
	second.Do(chromedp.Click(chromedp.CSS("nav li:nth-child(1) a")))
	second.Await(`document.querySelectorAll("tbody tr").length === 6 && !request.signal.aborted`)
	second.Await(fmt.Sprintf(`document.querySelector(".ports").textContent.includes("(%s before)")`, port))
	second.Do(chromedp.NavigateBack())
	second.Await(`location.search.includes("seed=14") && document.querySelectorAll("tbody tr").length > 6`)
	shown(second)
	compare("back", pictures(second), want)
	second.CheckQuiet()
}

// testKeyboard changes the settings, sends, steps and follows the other exchange with keys alone.
func testKeyboard(t *testing.T, b *browsertest.Browser, url string) {
	p := b.Open(t, url+"?loss=0", browsertest.Still)
	shown(p)
	focus := func(selector string) {
		t.Helper()
		for range 60 {
			if browsertest.Eval[bool](p, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
				return
			}
			p.Do(chromedp.KeyEvent(kb.Tab))
		}
		t.Fatalf("60 times Tab do not reach %s", selector)
	}
	focus("#text")
	p.Do(chromedp.KeyEvent(kb.End), chromedp.KeyEvent(" you"))
	focus("#loss")
	p.Do(chromedp.KeyEvent(kb.End))
	if value := p.Text("#loss-value"); value != "100 %" {
		t.Errorf("the value of the loss is %q", value)
	}
	focus("#send")
	p.Do(chromedp.KeyEvent(kb.Enter))
	p.Await(`document.querySelector(".outcome").textContent.startsWith("SERVER IS DOWN !")`)
	if search := browsertest.Eval[string](p, "location.search"); !strings.HasPrefix(search, "?text=Hello+you&loss=100&") {
		t.Errorf("the query is %s", search)
	}
	focus("#back")
	p.Do(chromedp.KeyEvent(kb.Enter))
	if text := p.Text("#now-text"); !strings.Contains(text, "attempt 5 times out") {
		t.Errorf("the step before the last one is %q", text)
	}
	if part := browsertest.Eval[string](p, `document.querySelector(".line.current").dataset.part`); part != "client-expired" {
		t.Errorf("the current lines are %s", part)
	}
	focus("#forward")
	p.Do(chromedp.KeyEvent(" "))
	if text := p.Text("#now-text"); !strings.HasPrefix(text, "SERVER IS DOWN !") {
		t.Errorf("the last step is %q", text)
	}
	focus("[name=follow]")
	p.Do(chromedp.KeyEvent(kb.ArrowDown))
	if title := p.Text("#now-title"); !strings.HasPrefix(title, "Adaptive retry") {
		t.Errorf("the explanation is about %q", title)
	}
	focus("summary")
	p.Do(chromedp.KeyEvent(kb.Enter))
	p.Await(`document.querySelector("details").open`)
	p.CheckQuiet()
}

// testPlayback plays with motion: the datagrams move, and the explanation follows.
func testPlayback(t *testing.T, b *browsertest.Browser, url string) {
	p := b.Open(t, url+"?loss=0&delay=300", browsertest.Light)
	p.Await(`document.querySelector(".dot") && document.getElementById("play").textContent === "Pause"`)
	const moving = `[...document.querySelectorAll("svg g")].find((g) => g.getAttribute("visibility") === "visible")`
	p.Await(moving)
	p.Await(moving + `?.getAttribute("transform") > "translate(1"`)
	p.Await(`document.querySelector(".outcome").textContent === "Waiting for the response …"`)
	p.Do(chromedp.Click(chromedp.CSS("#play")))
	at := browsertest.Eval[float64](p, "now")
	p.Await(`document.getElementById("play").textContent === "Play"`)
	if again := browsertest.Eval[float64](p, "now"); again != at {
		t.Errorf("the time went from %v to %v during the pause", at, again)
	}
	p.Do(chromedp.SetValue(chromedp.CSS("#speed"), "1"), chromedp.Click(chromedp.CSS("#play")))
	shown(p)
	if x := pictures(p)[0]; !strings.HasPrefix(x.Outcome, `"OLLEh" after 600 ms`) {
		t.Errorf("the outcome is %q", x.Outcome)
	}
	p.CheckQuiet()
}

// TestAccessibility checks the page with axe-core in several views, with its tables open.
func TestAccessibility(t *testing.T) {
	b := browsertest.Start(t)
	url := start(t)
	for _, v := range []browsertest.View{browsertest.Light, browsertest.Dark, browsertest.Narrow} {
		t.Run(v.Name, func(t *testing.T) {
			v.ReducedMotion = true
			p := b.Open(t, url+"?text=Hello&loss=30&delay=150&jitter=140&duplicate=60&overtake=on&seed=5&server=on", v)
			shown(p)
			p.CheckAccessibility()
			p.Do(chromedp.Click(chromedp.CSS("summary")))
			p.Do(chromedp.Click(chromedp.CSS("nav li:nth-child(7) a")))
			p.Await(`document.querySelector(".outcome").textContent.startsWith("SERVER IS DOWN !")`)
			p.CheckAccessibility()
			if wide := browsertest.Eval[bool](p, `document.documentElement.scrollWidth > innerWidth`); wide {
				t.Error("the page is wider than the window")
			}
			p.CheckQuiet()
		})
	}
}
