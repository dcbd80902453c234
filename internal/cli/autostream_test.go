package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

// An autoTest sends lines with --expect auto to a server on a network in memory that delays datagrams
// by 10 ms each way.
type autoTest struct {
	lines     []string
	transform func(request int, text string) string // the transform of each datagram: see respondWith
	loss      float64
	lose      string // the network loses the first request with this text
	graphemes bool
	retry     ohce.Retry
	pause     time.Duration // before each line is written

	answered map[string][]string // by the server, by request
	requests []ohcetest.Datagram
	results  []ohce.Result
	reports  []string
	took     time.Duration
}

func (a *autoTest) run(t *testing.T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := netip.MustParseAddrPort("192.0.2.7:3000")
		impairment := link.Impairment{
			Loss: link.RandomLoss(a.loss), Delay: link.Delay{Base: 10 * time.Millisecond},
		}
		model := &link.Link{Seed: 1, Up: impairment, Down: impairment}
		impaired := ohcetest.Impair(model, server)
		network := &ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			if a.lose != "" && string(d.Data) == a.lose {
				a.lose = ""
				return nil
			}
			return impaired(d)
		}}
		a.answered = make(map[string][]string)
		requests := 0
		peer := network.NewPeer(server.String(), func(dst, request []byte) []byte {
			text := string(request)
			response := respondWith(t, a.transform(requests, text), text)
			requests++
			if !slices.Contains(a.answered[text], response) {
				a.answered[text] = append(a.answered[text], response)
			}
			return append(dst, response...)
		})
		s := &sender{
			flags: &sendFlags{expect: "auto", graphemes: a.graphemes}, addrs: []string{server.String()},
			retry: a.retry, dial: network.Dial,
		}
		s.open(nil)
		begun := time.Now()
		a.collect(t, s)
		a.took = time.Since(begun)
		a.requests = peer.Requests()
		s.close()
	})
}

// collect sends the lines and collects the results.
func (a *autoTest) collect(t *testing.T, s *sender) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	defer r.Close()
	written := make(chan time.Time, len(a.lines))
	go func() { // ends with the lines or with r
		for _, line := range a.lines {
			time.Sleep(a.pause)
			written <- time.Now()
			io.WriteString(w, line+"\n")
		}
		w.Close()
	}()
	in := newInputLines(ctx, newLineReader(ctx, r, false))
	report := func(text string) { a.reports = append(a.reports, text) }
	for result, err := range s.results(ctx, in, report) {
		if err != nil {
			t.Error(err)
			return
		}
		if at := <-written; a.pause > 0 && time.Since(at) > 41*time.Millisecond {
			t.Errorf("line %d took %v", result.Index+1, time.Since(at))
		}
		a.results = append(a.results, result)
	}
	if in.err != io.EOF {
		t.Errorf("reading ended with %v", in.err)
	}
}

// check checks that each line has a response that the server sent to this line.
func (a *autoTest) check(t *testing.T) {
	t.Helper()
	if len(a.results) != len(a.lines) {
		t.Fatalf("%d results of %d lines", len(a.results), len(a.lines))
	}
	for i, r := range a.results {
		line := a.lines[i]
		switch {
		case r.Index != i || string(r.Request) != line:
			t.Errorf("result %d is %d, of %q; want %q", i, r.Index, r.Request, line)
		case r.Err != nil:
			t.Errorf("line %d, %q: %v", i+1, line, r.Err)
		case !slices.Contains(a.answered[line], string(r.Response.Data)):
			t.Errorf("line %d, %q: the response is %q, but the server sent %q", i+1, line, r.Response.Data,
				a.answered[line])
		}
	}
}

// ports returns how many ports the server received requests from.
func (a *autoTest) ports() int {
	ports := make(map[uint16]bool)
	for _, d := range a.requests {
		ports[d.From.Port()] = true
	}
	return len(ports)
}

// respondWith returns the response of a server with a transform. The suffix +g stands for graphemes.
// The transform <> encloses the text in angle brackets.
func respondWith(t *testing.T, transform, text string) string {
	t.Helper()
	if transform == "<>" {
		return "<" + text + ">"
	}
	name, graphemes := strings.CutSuffix(transform, "+g")
	f, err := flip.Parse(name)
	if err != nil {
		t.Error(err)
	}
	f.Graphemes = graphemes
	return string(f.Append(nil, []byte(text)))
}

// numberedLines returns n lines that differ in their letters.
func numberedLines(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("Line %d %s", i, strings.Repeat("x", i%40)))
	}
	return lines
}

// always returns a server that does not change its transform.
func always(transform string) func(int, string) string {
	return func(int, string) string { return transform }
}

// changing returns a server that changes its transform after a number of requests.
func changing(from string, after int, to string) func(int, string) string {
	return func(request int, _ string) string {
		if request < after {
			return from
		}
		return to
	}
}

func TestAutoStreamDecides(t *testing.T) {
	t.Parallel()
	for _, transform := range flip.Names() {
		t.Run(transform, func(t *testing.T) {
			a := &autoTest{lines: numberedLines(2000), transform: always(transform)}
			a.run(t)
			a.check(t)
			if a.ports() > firstUndecided*3+1 || len(a.reports) > 0 || a.took > time.Second {
				t.Errorf("%d ports in %v, reports %q; want few, and no report", a.ports(), a.took, a.reports)
			}
		})
	}
}

func TestAutoStreamThroughLoss(t *testing.T) {
	a := &autoTest{
		lines: numberedLines(testsize.Pick(20_000, 3_000)), transform: always("flip"), loss: 0.05,
	}
	a.run(t)
	a.check(t)
	if len(a.reports) > 0 || a.took > 8*time.Second {
		t.Errorf("it took %v, reports %q", a.took, a.reports)
	}
}

// If no transform fits the server, each line has a socket of its own.
func TestAutoStreamWithoutTransform(t *testing.T) {
	t.Parallel()
	a := &autoTest{lines: numberedLines(2000), transform: always("<>")}
	a.run(t)
	a.check(t)
	if a.ports() < 256 || len(a.reports) > 0 {
		t.Errorf("%d ports, reports %q; want many, and no report", a.ports(), a.reports)
	}
}

// If the server changes its transform, the remaining lines share a socket again.
func TestAutoStreamWhenTheTransformChanges(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"reverse", "swapcase", "echo", "<>"} {
		for _, loss := range []float64{0, 0.02} {
			t.Run(fmt.Sprint(to, " loss ", loss), func(t *testing.T) {
				n := testsize.Pick(3000, 900)
				a := &autoTest{lines: numberedLines(n), transform: changing("flip", n/3, to), loss: loss}
				a.run(t)
				a.check(t)
				const report = "the server no longer applies flip; detecting its transform again"
				if len(a.reports) != 1 || !strings.HasSuffix(a.reports[0], report) {
					t.Errorf("the reports are %q, want one", a.reports)
				}
				if to != "<>" && (a.ports() > 300 || a.took > 8*time.Second) {
					t.Errorf("%d ports in %v, want few in less", a.ports(), a.took)
				}
			})
		}
	}
}

// The server responds to an early line by its new transform, after it has responded to later lines by
// the old one. The detector does not decide on the old transform again.
func TestAutoStreamWithAnEarlyLineAnsweredLate(t *testing.T) {
	lines := numberedLines(2000)
	a := &autoTest{lines: lines, transform: changing("flip", 100, "reverse"), lose: lines[6]}
	a.run(t)
	a.check(t)
	if len(a.reports) != 1 {
		t.Errorf("the reports are %q, want one", a.reports)
	}
}

// Lines whose responses could be confused after a change of the transform do not share a socket.
func TestAutoStreamLinesThatCollide(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for range 600 {
		line := []byte("abAB"[:2])
		for i := range line {
			line[i] = "abAB"[rnd.IntN(4)]
		}
		lines = append(lines, string(line))
	}
	names := flip.Names()
	for after := 1; after < 600; after += testsize.Pick(37, 149) {
		from, to := names[after%4], names[(after/4+after+1)%4]
		a := &autoTest{lines: lines, transform: changing(from, after, to), loss: 0.05}
		a.run(t)
		if len(a.results) != len(lines) {
			t.Fatalf("%d results", len(a.results))
		}
		for i, r := range a.results {
			if r.Err == nil && !slices.Contains(a.answered[lines[i]], string(r.Response.Data)) {
				t.Errorf("%s, then %s: line %d, %q: the response is %q, but the server sent %q", from, to, i+1,
					lines[i], r.Response.Data, a.answered[lines[i]])
			}
		}
	}
}

// If the server treats some lines in another way, these lines get a socket of their own.
func TestAutoStreamWithExceptions(t *testing.T) {
	lines := numberedLines(testsize.Pick(3000, 900))
	a := &autoTest{lines: lines, transform: func(_ int, text string) string {
		if strings.HasPrefix(text, "Line 17") {
			return "<>"
		}
		return "flip"
	}}
	a.run(t)
	a.check(t)
	if n := len(a.reports); n == 0 || n > 4 {
		t.Errorf("%d reports, want some: %q", n, a.reports)
	}
}

// Each line gets its response before the next one is written, also if the server changes its transform.
func TestAutoStreamIsLazy(t *testing.T) {
	a := &autoTest{
		lines: numberedLines(60), transform: changing("flip", 20, "reverse"), pause: time.Second,
	}
	a.run(t)
	a.check(t)
	if len(a.reports) != 1 {
		t.Errorf("the reports are %q, want one", a.reports)
	}
}

// If --graphemes does not fit the server, the lines concerned get a socket of their own.
func TestAutoStreamGraphemes(t *testing.T) {
	for _, graphemes := range []bool{false, true} {
		for _, server := range []string{"flip", "flip+g"} {
			a := &autoTest{
				lines: append(numberedLines(100), "a🇩🇪b"), transform: always(server), graphemes: graphemes,
			}
			a.run(t)
			a.check(t)
		}
	}
}

// If the server is silent, all lines fail after a known time.
func TestAutoStreamToASilentServer(t *testing.T) {
	a := &autoTest{lines: numberedLines(2000), transform: always("flip"), loss: 1}
	a.run(t)
	for i, r := range a.results {
		if r.Err == nil {
			t.Errorf("line %d has the response %q", i+1, r.Response.Data)
		}
	}
	if len(a.results) != 2000 || len(a.requests) != 0 || a.took > 5*time.Second {
		t.Errorf("%d results after %v, %d requests", len(a.results), a.took, len(a.requests))
	}
}

// The attempts and the time of a line that has been in several streams include all of them.
func TestAutoLineEnd(t *testing.T) {
	begun := time.Now()
	line := &autoLine{begun: begun, moved: true, attempts: 5}
	line.end(ohce.Result{Response: &ohce.Response{Data: bytes.Repeat([]byte{'x'}, 10), Attempts: 1}},
		begun.Add(2*time.Second))
	if r := line.result.Response; r.Attempts != 6 || r.Elapsed != 2*time.Second {
		t.Errorf("%d attempts in %v, want 6 in 2s", r.Attempts, r.Elapsed)
	}
}
