package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/measure"
)

// A loadProcess is a running "ohce load --json".
type loadProcess struct {
	cmd       *exec.Cmd
	out, errs bytes.Buffer
}

func loading(t *testing.T, args ...string) *loadProcess {
	t.Helper()
	p := &loadProcess{cmd: command(append([]string{"load", "--json"}, args...)...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// report waits for the end of the process and returns its report. On a busy machine, the report need
// not be trustworthy.
func (p *loadProcess) report(t *testing.T) *measure.Report {
	t.Helper()
	err := p.cmd.Wait()
	var r measure.Report
	if jsonErr := json.Unmarshal(p.out.Bytes(), &r); jsonErr != nil {
		t.Fatalf("%v: %v: %s", err, jsonErr, p.errs.String())
	}
	want := exitOK
	switch {
	case !r.Trustworthy:
		want = exitUntrusted
	case r.Answered == 0:
		want = exitFail
	}
	if code := p.cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("exit code %d, want %d: %s", code, want, p.errs.String())
	}
	if sum := r.Answered + r.Lost + r.Late + r.Wrong + r.Refused + r.Unreachable + r.Own.Overflow + r.InFlight; sum != r.Sent {
		t.Errorf("the classes add up to %d of %d requests sent", sum, r.Sent)
	}
	return &r
}

// TestLoadThroughLink checks the figures of ohce load through a link with known impairments. Counts
// must be within three standard errors, and delays within 1 %. The delays are long, so that 1 % of
// them is more than a busy machine adds. The seed determines which datagrams the link impairs.
func TestLoadThroughLink(t *testing.T) {
	count := testsize.Pick(2000, 1000)
	p := serving(t, "--log", "none")
	load := func(t *testing.T, impair ...string) *measure.Report {
		t.Helper()
		l := linking(t, append([]string{"--to", p.addrs[0], "--seed", "2"}, impair...)...)
		r := loading(t, "-c", strconv.Itoa(count), "-r", "2000", "-W", "400ms", "--transform", "flip",
			l.addrs[0]).report(t)
		if r.Asked != count || r.Sent < count*9/10 {
			t.Fatalf("%d asked and %d sent, want %d", r.Asked, r.Sent, count)
		}
		return r
	}
	share := func(t *testing.T, what string, n, of int, want float64) {
		t.Helper()
		bound := 3 * math.Sqrt(want*(1-want)*float64(of))
		if off := math.Abs(float64(n) - want*float64(of)); off > bound {
			t.Errorf("%d %s of %d, want %.0f ± %.0f", n, what, of, want*float64(of), bound)
		}
	}
	for _, tt := range []struct {
		name   string
		impair []string
		check  func(t *testing.T, r *measure.Report)
	}{ // those with "delay" in their name check delays and run alone
		{"loss", []string{"--up", "loss=10%", "--down", "loss=20%"}, func(t *testing.T, r *measure.Report) {
			share(t, "lost", r.Lost, r.Sent, 1-0.9*0.8)
		}},
		{"delay", []string{"--delay", "150ms"}, func(t *testing.T, r *measure.Report) {
			if got := r.Service.Min.Seconds(); got < 0.3 || got > 0.303 || r.Lost > 0 {
				t.Errorf("service time %v and %d lost with a delay of 150 ms each way", r.Service, r.Lost)
			}
		}},
		{"normal delay", []string{"--up", "delay=300ms±20ms,shape=normal"}, func(t *testing.T, r *measure.Report) {
			// The standard error of the median is 1.25 · 20 ms / √n.
			bound := 0.003 + 3*1.25*0.02/math.Sqrt(float64(r.Answered))
			if r.Own.Missed > r.Asked/20 {
				t.Skipf("this machine is too busy: %+v", r.Own)
			}
			if got := r.Service.Median.Seconds(); math.Abs(got-0.3) > bound {
				t.Errorf("median service time %v, want 300 ms ± %.1f ms", r.Service.Median, 1000*bound)
			}
		}},
		{"duplication", []string{"--down", "duplicate=10%"}, func(t *testing.T, r *measure.Report) {
			share(t, "duplicates", r.Duplicates, r.Sent, 0.1)
			if r.Lost+r.Late+r.Wrong > 0 {
				t.Errorf("duplication loses requests: %+v", *r)
			}
		}},
		{"reordering", []string{"--down", "delay=50ms±40ms,shape=uniform"}, func(t *testing.T, r *measure.Report) {
			if r.Reordered < r.Sent/2 || r.Lost > 0 {
				t.Errorf("%d reordered of %d with delays from 10 to 90 ms", r.Reordered, r.Sent)
			}
		}},
		{"corruption", []string{"--down", "corrupt=10%"}, func(t *testing.T, r *measure.Report) {
			share(t, "wrong", r.Wrong, r.Sent, 0.1)
		}},
		{"late", []string{"--down", "delay=500ms"}, func(t *testing.T, r *measure.Report) {
			if r.Answered > 0 || r.Late == 0 {
				t.Errorf("a delay beyond the time-out: %+v", *r)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(tt.name, "delay") {
				t.Parallel()
			}
			tt.check(t, load(t, tt.impair...))
		})
	}
}

// sendSignal sends a signal to a process.
func sendSignal(t *testing.T, cmd *exec.Cmd, sig syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// TestLoadOfStoppedServer: the latency of an open loop shows that the server stopped for a while. In a
// closed loop, only the requests in flight do.
func TestLoadOfStoppedServer(t *testing.T) {
	t.Parallel()
	p := serving(t, "--log", "none")
	open := loading(t, "-r", "1000", "-d", "2500ms", "-W", "2s", p.addrs[0])
	closed := loading(t, "--closed", "1", "-d", "2500ms", "-W", "2s", p.addrs[0])
	time.Sleep(time.Second) // the load continues meanwhile
	sendSignal(t, p.cmd, syscall.SIGSTOP)
	time.Sleep(500 * time.Millisecond)
	sendSignal(t, p.cmd, syscall.SIGCONT)
	if r := open.report(t); r.Latency.P99 < 400*time.Millisecond || r.Latency.P90 < 50*time.Millisecond {
		t.Errorf("latency of the open loop: %+v", r.Latency)
	}
	if r := closed.report(t); r.Latency.P99 > 400*time.Millisecond || r.Latency.Max < 400*time.Millisecond {
		t.Errorf("latency of the closed loop: %+v", r.Latency)
	}
}

// TestStoppedLoad: the requests that were due while the generator was stopped are its own failures.
func TestStoppedLoad(t *testing.T) {
	t.Parallel()
	p := serving(t, "--log", "none")
	load := loading(t, "-r", "2000", "-d", "2s", p.addrs[0])
	time.Sleep(time.Second) // the load continues meanwhile
	sendSignal(t, load.cmd, syscall.SIGSTOP)
	time.Sleep(200 * time.Millisecond)
	sendSignal(t, load.cmd, syscall.SIGCONT)
	r := load.report(t)
	if r.Own.Missed < 390 || r.Trustworthy || r.Lag.Max < 195*time.Millisecond {
		t.Errorf("%d missed, trustworthy %v, lag %v; want 400 within 200 ms", r.Own.Missed, r.Trustworthy, r.Lag)
	}
	if r.Lost > 0 {
		t.Errorf("%d lost", r.Lost)
	}
}

// TestLoadInterrupted: on Ctrl-C, the report covers the requests so far.
func TestLoadInterrupted(t *testing.T) {
	t.Parallel()
	p := serving(t, "--log", "none")
	load := loading(t, "-r", "1000", "-d", "1m", p.addrs[0])
	time.Sleep(500 * time.Millisecond) // the load continues meanwhile
	sendSignal(t, load.cmd, syscall.SIGINT)
	begun := time.Now()
	r := load.report(t)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the load ended %v after the signal", took)
	}
	if r.Asked < 10 || r.Asked > 10_000 || r.Answered < r.Asked/2 {
		t.Errorf("%d asked and %d answered within half a second at 1,000 a second", r.Asked, r.Answered)
	}
}
