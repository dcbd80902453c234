package dashboard

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
)

// call calls a handler as a server does, with a request of a client.
func call(h ohce.Handler, data string) *ohce.ResponseWriter {
	w := &ohce.ResponseWriter{}
	h.ServeUDP(w, &ohce.Request{Data: []byte(data), RemoteAddr: netip.MustParseAddrPort("192.0.2.7:4000")})
	return w
}

// slow answers with "re: " and the request after 2 ms. It does not answer "silent", and panics on
// "panic".
var slow = ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
	time.Sleep(2 * time.Millisecond)
	if string(r.Data) == "silent" {
		return
	}
	w.Write([]byte("re: "))
	w.Write(r.Data)
	if string(r.Data) == "panic" {
		panic("expected")
	}
})

func TestSampler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sampler{Texts: true}
		h := s.Around(slow)
		call(h, "before anyone looks")
		s.refill()
		begun := time.Now()
		call(h, "Hello")
		call(h, "silent")
		func() {
			defer func() { recover() }()
			call(h, "panic")
		}()
		call(h, strings.Repeat("é", 40)+"\x1b[2J")
		prefixes, exchanges := s.figures()
		if prefixes.Samples != 4 || prefixes.Busiest[0].Prefix.String() != "192.0.2.0/24" {
			t.Errorf("prefixes %+v", prefixes)
		}
		if len(exchanges) != 4 {
			t.Fatalf("%d exchanges, want 4", len(exchanges))
		}
		for i, want := range []struct {
			request, response         int
			answered                  bool
			requestText, responseText string
		}{
			{84, 88, true, strings.Repeat("é", 32) + "…", "re: " + strings.Repeat("é", 30) + "…"},
			{5, 0, false, "panic", ""},
			{6, 0, false, "silent", ""},
			{5, 9, true, "Hello", "re: Hello"},
		} {
			e := exchanges[i]
			if e.Request != want.request || e.Response != want.response || e.Answered != want.answered ||
				*e.RequestText != want.requestText || *e.ResponseText != want.responseText {
				t.Errorf("%+v with texts %q, %q; want %+v", e, *e.RequestText, *e.ResponseText, want)
			}
			if e.Duration != 2*time.Millisecond || e.Client.String() != "192.0.2.7:4000" {
				t.Errorf("client %v, duration %v", e.Client, e.Duration)
			}
		}
		if got := exchanges[3].Time; got != begun.UnixMilli() {
			t.Errorf("the first exchange began at %d, want %d", got, begun.UnixMilli())
		}
		if p, e := s.figures(); p.Samples != 4 || p.Seconds != 2 || len(e) != 4 {
			t.Errorf("a second later: %+v, %d exchanges", p, len(e))
		}
		s.pause()
		call(h, "afterwards")
		if p, e := s.figures(); p.Samples != 0 || len(e) != 0 {
			t.Errorf("after the pause: %+v, %d exchanges", p, len(e))
		}
	})
}

// Without Texts, the page has the sizes only.
func TestSamplerWithoutTexts(t *testing.T) {
	s := &Sampler{}
	s.refill()
	call(s.Around(slow), "secret")
	if _, e := s.figures(); len(e) != 1 || e[0].Request != 6 || e[0].RequestText != nil || e[0].ResponseText != nil ||
		strings.Contains(string(s.recent[0].requestText[:]), "secret") {
		t.Errorf("exchanges %+v", e)
	}
}

// A second has at most 1,000 samples, and a burst gets the unused ones of 100 ms.
func TestSamplerBudget(t *testing.T) {
	s := &Sampler{}
	h := s.Around(ohce.HandlerFunc(func(*ohce.ResponseWriter, *ohce.Request) {}))
	sampled := func() int {
		p, _ := s.figures()
		s.prefix = prefixCounter{}
		return p.Samples
	}
	for range 100 {
		s.refill()
		for range 500 {
			call(h, "flood")
		}
	}
	if n := sampled(); n != 1000 {
		t.Errorf("%d samples of a flood of a second, want 1000", n)
	}
	if s.open.Load() {
		t.Error("without a budget, a request still changes a counter that all shards share")
	}
	for range 50 {
		s.refill()
	}
	for range 500 {
		call(h, "burst")
	}
	if n := sampled(); n != maxBudget {
		t.Errorf("%d samples of a burst, want %d", n, maxBudget)
	}
	for range 1000 { // without snapshots, the samples stay bounded
		s.refill()
		for range refillSamples {
			call(h, "flood")
		}
	}
	if n := sampled(); n != maxPending {
		t.Errorf("%d samples are kept, want %d", n, maxPending)
	}
}

// A request of which no sample is taken costs no allocation.
func TestSamplerAllocations(t *testing.T) {
	s := &Sampler{}
	h := s.Around(ohce.HandlerFunc(func(*ohce.ResponseWriter, *ohce.Request) {}))
	w, r := &ohce.ResponseWriter{}, &ohce.Request{}
	if n := testing.AllocsPerRun(100, func() { h.ServeUDP(w, r) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkSamplerClosed(b *testing.B) {
	s := &Sampler{}
	h := s.Around(ohce.HandlerFunc(func(*ohce.ResponseWriter, *ohce.Request) {}))
	w, r := &ohce.ResponseWriter{}, &ohce.Request{}
	for b.Loop() {
		h.ServeUDP(w, r)
	}
}

func TestBeginning(t *testing.T) {
	for _, tt := range []struct{ buf, want string }{
		{"abc", "abc…"}, {"ab\xc3", "ab…"}, {"a\xe2\x82", "a…"}, {"\xf0\x9f\x98", "…"},
		{"a\xff", `a\xff…`}, {"a\x80", `a\x80…`}, {"\x1b[m\u202e", `\x1b[m\u202e…`},
	} {
		if got := *beginning([]byte(tt.buf), len(tt.buf)+1); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.buf, got, tt.want)
		}
	}
	if got := *beginning([]byte("ab\x00\x00"), 2); got != "ab" {
		t.Errorf("a short text is %q", got)
	}
}
