package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/ohce/ohce/internal/testsize"
)

// pingSummary is the summary of ohce ping --json.
type pingSummary struct {
	Sent, Answered, Lost, Late, Duplicates, Reordered, Wrong int
	RTT                                                      struct{ Min, Median float64 } `json:"rtt_ms"`
}

// pingJSONSummary runs ohce ping --json and returns its summary. Without a response, the exit code is 1.
func pingJSONSummary(t *testing.T, args ...string) (s pingSummary) {
	t.Helper()
	cmd := command(append([]string{"ping", "--json"}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != exitFail {
		t.Fatalf("%v: %s", err, errs.String())
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	v := struct{ Summary *pingSummary }{&s}
	if err := json.Unmarshal(lines[len(lines)-1], &v); err != nil {
		t.Fatalf("%v: %.200s", err, lines[len(lines)-1])
	}
	return s
}

// TestPingThroughLink checks the figures of ohce ping through a link with known impairments. Counts
// must be within three standard errors. The seed determines which datagrams the link impairs.
func TestPingThroughLink(t *testing.T) {
	count := testsize.Pick(1000, 500)
	p := serving(t, "--log", "none")
	ping := func(t *testing.T, impair ...string) pingSummary {
		t.Helper()
		l := linking(t, append([]string{"--to", p.addrs[0], "--seed", "1"}, impair...)...)
		s := pingJSONSummary(t, "-c", strconv.Itoa(count), "-i", "1ms", "-W", "500ms", l.addrs[0])
		if s.Sent != count || s.Answered+s.Lost+s.Late+s.Wrong != count {
			t.Errorf("%d sent: %+v", count, s)
		}
		return s
	}
	share := func(t *testing.T, what string, n int, want float64) {
		t.Helper()
		bound := 3 * math.Sqrt(want*(1-want)*float64(count))
		if off := math.Abs(float64(n) - want*float64(count)); off > bound {
			t.Errorf("%d %s of %d, want %.0f ± %.0f", n, what, count, want*float64(count), bound)
		}
	}
	t.Run("loss", func(t *testing.T) {
		t.Parallel()
		share(t, "lost", ping(t, "--loss", "20%").Lost, 1-0.8*0.8)
	})
	t.Run("delay", func(t *testing.T) {
		t.Parallel()
		s := ping(t, "--delay", "50ms")
		if s.RTT.Min < 100 || s.RTT.Min > 101 || s.Lost > 0 {
			t.Errorf("a delay of 50 ms each way: %+v", s)
		}
	})
	t.Run("duplication", func(t *testing.T) {
		t.Parallel()
		s := ping(t, "--duplicate", "10%", "--down", "duplicate=0%")
		share(t, "duplicates", s.Duplicates, 0.1)
		if s.Lost > 0 {
			t.Errorf("duplication loses requests: %+v", s)
		}
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		s := ping(t, "--down", "delay=600ms")
		if s.Answered > 0 || s.Late == 0 {
			t.Errorf("a delay beyond the time-out: %+v", s)
		}
	})
}
