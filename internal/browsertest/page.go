package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A Page is an open page. Its methods end the test if the browser reports an error.
type Page struct {
	t   *testing.T
	ctx context.Context
	url string

	mu       sync.Mutex
	console  []string
	requests []string
}

// Open opens a page in a tab of its own and waits until it is loaded. The tab is closed at the end
// of the test.
func (b *Browser) Open(t *testing.T, address string, v View) *Page {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	t.Cleanup(func() { cancel(); closeTab() })
	p := &Page{t: t, ctx: ctx, url: address}
	if err := errors.Join(chromedp.Listen(ctx, p.observe), v.apply(ctx)); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p.Do(chromedp.Navigate(address))
	return p
}

// observe records the messages and the requests of the page.
func (p *Page) observe(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		text := "console." + string(e.Type)
		for _, arg := range e.Args {
			text += " " + strings.TrimSpace(string(arg.Value)+" "+arg.Description)
		}
		p.console = append(p.console, text)
	case *runtime.EventExceptionThrown:
		p.console = append(p.console, exceptionText(e.ExceptionDetails))
	case *log.EventEntryAdded: // for example violations of the Content-Security-Policy
		p.console = append(p.console, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

func exceptionText(e *runtime.ExceptionDetails) string {
	if e.Exception != nil {
		return e.Text + " " + e.Exception.Description
	}
	return e.Text
}

// Do performs actions of chromedp.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v; console: %q", p.url, err, p.Console())
	}
}

// Eval evaluates an expression in JavaScript and returns its value. The expression may be a promise.
// (A method cannot have a type parameter.)
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %.200s: %v; console: %q", p.url, expression, err, p.Console())
	}
	return value
}

// Text returns the visible text of the first element that matches a CSS selector.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return Eval[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// Await waits until a condition is true: an expression in JavaScript.
func (p *Page) Await(condition string) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !Eval[bool](p, "Boolean("+condition+")") {
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			p.t.Fatalf("%s: it never holds that %s; console: %q", p.url, condition, p.Console())
		}
	}
}

// Console returns the messages on the console so far, including exceptions and violations of the
// Content-Security-Policy.
func (p *Page) Console() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.console)
}

// Requests returns the addresses that the page has requested so far.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// CheckQuiet checks that the console has no message and that all requests had the origin of the page.
func (p *Page) CheckQuiet() {
	p.t.Helper()
	for _, line := range p.Console() {
		p.t.Errorf("%s: message on the console: %s", p.url, line)
	}
	own, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	requests := p.Requests()
	if len(requests) == 0 {
		p.t.Errorf("%s: no request was recorded, not even that of the page", p.url)
	}
	for _, r := range requests {
		if u, err := url.Parse(r); err != nil || u.Scheme != own.Scheme || u.Host != own.Host {
			p.t.Errorf("%s: request elsewhere: %s", p.url, r)
		}
	}
}
