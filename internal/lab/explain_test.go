package lab

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/testsize"
)

// TestListings compares the programs that the page shows with those of the tutorial.
func TestListings(t *testing.T) {
	for name, shown := range map[string]string{"client": clientProgram, "server": serverProgram} {
		text, err := os.ReadFile("../../examples/tutorial/" + name + "/main.go")
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != shown {
			t.Errorf("listing/%[1]s.go.txt differs from examples/tutorial/%[1]s/main.go: copy "+
				"the latter", name)
		}
	}
	for _, listing := range []struct {
		lines []codeLine
		parts []part
	}{{clientLines(), clientParts}, {serverLines(), serverParts}} {
		for _, p := range listing.parts {
			found := 0
			for _, l := range listing.lines {
				if strings.Contains(l.Text, p.piece) && l.Part == p.name && l.Label == p.label {
					found++
				}
			}
			if found != 1 {
				t.Errorf("%d lines have %q as %s", found, p.piece, p.name)
			}
		}
	}
}

// TestExplanations checks that each step of many exchanges has a text, a reason, and lines of the
// programs that exist.
func TestExplanations(t *testing.T) {
	var names []string
	for _, p := range slices.Concat(clientParts, serverParts) {
		names = append(names, p.name)
	}
	r := rand.New(rand.NewPCG(5, 6))
	seen := make(map[Kind]bool)
	for range testsize.Pick(100, 50) {
		s := randomSettings(r)
		for _, one := range schedules(&s) {
			plan := newPlan(&s, s.Link(), one.waits)
			result := newExchangeResult(&s, &one, plan, newRecorder(), nil, "")
			for i, step := range result.Steps {
				seen[step.Kind] = true
				text := step.Text + step.Why
				if step.Text == "" || step.Why == "" || strings.Contains(text, "%!") || strings.Contains(text, "  ") {
					t.Fatalf("%+v: step %d, %s: %q, %q", s, i, step.Kind, step.Text, step.Why)
				}
				for _, name := range step.Code {
					if !slices.Contains(names, name) {
						t.Fatalf("%s: no lines %s", step.Kind, name)
					}
				}
				if len(step.Code) == 0 {
					t.Fatalf("%s has no lines", step.Kind)
				}
			}
		}
	}
	if len(seen) != 10 {
		t.Errorf("the exchanges have %d kinds of steps, want 10", len(seen))
	}
}

// TestExperiments checks that each experiment shows what it is about, and that no datagram arrives
// so close to the end of a wait that a busy machine changes the exchange.
func TestExperiments(t *testing.T) {
	for _, e := range experiments {
		checkQuery(t, e.Settings)
		for i, one := range schedules(&e.Settings) {
			p := newPlan(&e.Settings, e.Settings.Link(), one.waits)
			for _, kind := range e.shows {
				if i == 0 && !slices.Contains(kinds(p), kind) {
					t.Errorf("%s: no step is %s: %v", e.Title, kind, kinds(p))
				}
			}
			end := milliseconds(0)
			for _, w := range p.Waits {
				if end += w; p.Answered && end > p.Elapsed+milliseconds(15) {
					break
				}
				for _, d := range p.Datagrams {
					if !d.Lost && !d.Up && (d.Arrives-end).Abs() < milliseconds(15) {
						t.Errorf("%s, %s: a response arrives at %v and a wait ends at "+
							"%v", e.Title, one.name, d.Arrives, end)
					}
				}
			}
		}
	}
	if s := experiments[1].Settings; s != DefaultSettings() {
		t.Errorf("the second experiment is %+v, want the default", s)
	}
}

// TestReasons checks the reasons that depend on the other datagrams of the exchange.
func TestReasons(t *testing.T) {
	for _, tt := range []struct {
		experiment string
		kind       Kind
		nth        int // of the steps of this kind
		want       string
	}{
		{"30 % loss", TimedOut, 0, "The timer is all"}, // the request was lost
		{"30 % loss", TimedOut, 1, "The timer is all"}, // the response was lost
		{"30 % loss", Served, 1, "handled this request once before"},
		{"Slower than the wait", TimedOut, 0, "still on its way"},
		{"Slower than the wait", Accepted, 0, "has sent attempt 2 already"},
		{"Slower than the wait", Served, 1, "The exchange has ended meanwhile"},
		{"Overtaking", Served, 0, "has overtaken that of attempt 1"},
		{"Overtaking", Accepted, 0, "The response to attempt 1 is overtaken"},
		{"Overtaking", Late, 0, "a port of its own"},
		{"Duplicates", Served, 1, "cannot distinguish a copy from a retransmission"},
		{"Too slow", Late, 0, "has given up, although the server was running"},
		{"No server", TimedOut, 0, "The timer is all"},
	} {
		i := slices.IndexFunc(experiments, func(e Experiment) bool { return e.Title == tt.experiment })
		s, one, n := experiments[i].Settings, linearSchedule(), 0
		e := &explainer{settings: &s, schedule: &one, plan: linearPlan(s)}
		for i, step := range e.plan.Steps {
			if step.Kind != tt.kind {
				continue
			}
			if _, why := e.explain(i); n == tt.nth && !strings.Contains(why, tt.want) {
				t.Errorf("%s: %s %d: %q lacks %q", tt.experiment, tt.kind, n, why, tt.want)
			}
			n++
		}
		if n <= tt.nth {
			t.Errorf("%s: %d steps are %s", tt.experiment, n, tt.kind)
		}
	}
}

func TestDown(t *testing.T) {
	for _, tt := range []struct {
		change func(s *Settings)
		want   string
	}{
		{func(s *Settings) { s.Loss = 100 }, "no request has reached it"},
		{func(s *Settings) { s.Server = false }, "no server runs"},
		{func(s *Settings) { s.Delay = 800 }, "it handled the request 4 times. Late responses: " +
			"5"},
	} {
		s := Settings{Text: "Hello", Delay: 40, Overtake: true, Server: true}
		tt.change(&s)
		one := linearSchedule()
		e := &explainer{settings: &s, schedule: &one, plan: linearPlan(s)}
		if text, why := e.down(); !strings.HasPrefix(text, "SERVER IS DOWN !") || !strings.Contains(why, tt.want) {
			t.Errorf("%q, %q lack %q", text, why, tt.want)
		}
	}
}
