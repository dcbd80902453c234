package lab

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// comparable returns a result as JSON without what differs from run to run.
func comparable(t *testing.T, r *Result) string {
	t.Helper()
	for _, x := range r.Exchanges {
		x.Ports, x.Differs = Ports{}, ""
		for i := range x.Steps {
			x.Steps[i].Measured = nil
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRun makes the exchanges of all experiments on sockets. They follow their plans, at times that
// are not before those of the plans, and from new ports.
func TestRun(t *testing.T) {
	for _, e := range experiments {
		t.Run(e.Title, func(t *testing.T) {
			t.Parallel()
			first, err := Run(t.Context(), e.Settings)
			if err != nil {
				t.Fatal(err)
			}
			second, err := Run(t.Context(), e.Settings)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range first.Exchanges {
				checkMeasured(t, x)
				if other := second.Exchanges[i]; other.Ports.Client == x.Ports.Client {
					t.Errorf("%s: both runs have the port %s", x.Schedule, x.Ports.Client)
				}
			}
			if a, b := comparable(t, first), comparable(t, second); a != b {
				t.Errorf("two runs differ:\n%s\n%s", a, b)
			}
		})
	}
}

func checkMeasured(t *testing.T, x *ExchangeResult) {
	t.Helper()
	if x.Differs != "" {
		t.Errorf("%s differs from its plan: %s", x.Schedule, x.Differs)
	}
	for _, s := range x.Steps {
		switch s.Kind {
		case RequestLost, ResponseLost, Refused:
			if s.Measured != nil {
				t.Errorf("%s: %s is measured", x.Schedule, s.Kind)
			}
		default:
			if s.Measured == nil || *s.Measured < s.At-1 {
				t.Errorf("%s: %s at %v is measured as %v", x.Schedule, s.Kind, s.At, s.Measured)
			}
		}
	}
	reached := slices.ContainsFunc(x.Steps, func(s StepResult) bool { return s.Kind == Served })
	for name, port := range map[string]string{
		"client": x.Ports.Client, "link": x.Ports.LinkIn, "server": x.Ports.Server, "link's other": x.Ports.LinkOut,
	} {
		if !strings.HasPrefix(port, "127.0.0.1:") && (reached || name != "link's other") {
			t.Errorf("%s: the %s port is %q", x.Schedule, name, port)
		}
	}
}

// TestRunEndsWithContext checks that a run does not outlive its request.
func TestRunEndsWithContext(t *testing.T) {
	s := DefaultSettings()
	s.Loss = 100
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := Run(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestCompare changes a record of an exchange in different ways.
func TestCompare(t *testing.T) {
	s := DefaultSettings()
	s.Loss = 0
	plan := linearPlan(s)
	begun := time.Now()
	record := func(change func(r *recorder)) (*recorder, []time.Duration, string) {
		r := newRecorder()
		r.begun, r.up, r.down = begun, []int{1}, []int{1}
		r.client = []observation{{Sent, begun}, {Accepted, begun.Add(81 * time.Millisecond)}}
		r.server = []observation{{Served, begun.Add(41 * time.Millisecond)}}
		change(r)
		measured, why := r.compare(plan)
		return r, measured, why
	}
	want := []time.Duration{0, 41 * time.Millisecond, 81 * time.Millisecond}
	if _, measured, why := record(func(*recorder) {}); why != "" || !slices.Equal(measured, want) {
		t.Errorf("measured %v, %s", measured, why)
	}
	for name, change := range map[string]func(r *recorder){
		"a further attempt": func(r *recorder) { r.up = []int{1, 1} },
		"a lost response":   func(r *recorder) { r.down = []int{0} },
		"no response":       func(r *recorder) { r.down, r.server = nil, nil },
		"a wait that ended": func(r *recorder) { r.client[1].kind = TimedOut },
		"a missing step":    func(r *recorder) { r.client = r.client[:1] },
		"a further step":    func(r *recorder) { r.client = append(r.client, observation{Duplicate, begun}) },
		"no step":           func(r *recorder) { r.client = nil },
	} {
		if _, measured, why := record(change); why == "" || measured != nil {
			t.Errorf("%s: measured %v, why %q", name, measured, why)
		}
	}
}
