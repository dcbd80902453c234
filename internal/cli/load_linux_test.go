package cli

import (
	"math"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/measure"
)

// loading starts ohce load.
func loading(t *testing.T, args ...string) *jsonProcess {
	t.Helper()
	return startJSON(t, append([]string{"load"}, args...)...)
}

// reportOf waits for the end of a load and returns its report. On a busy machine, the report need not
// be trustworthy.
func reportOf(t *testing.T, p *jsonProcess) *measure.Report {
	t.Helper()
	var r measure.Report
	code := p.last(t, &r)
	want := exitOK
	switch {
	case r.Answered == 0 && r.Own.Overflow == 0:
		want = exitFail
	case !r.Trustworthy:
		want = exitUntrusted
	}
	if code != want {
		t.Errorf("exit code %d, want %d: %s", code, want, p.errs.String())
	}
	if sum := r.Answered + r.Lost + r.Late + r.Wrong + r.Refused + r.Unreachable + r.Own.Overflow + r.InFlight; sum != r.Sent {
		t.Errorf("the classes add up to %d of %d requests sent", sum, r.Sent)
	}
	return &r
}

// loadThrough runs ohce load through a link with impairments.
func loadThrough(t *testing.T, server *process, count int, impair ...string) *jsonProcess {
	t.Helper()
	l := linking(t, append([]string{"--to", server.addrs[0], "--seed", "2"}, impair...)...)
	return loading(t, "-c", strconv.Itoa(count), "-r", "2000", "-W", "400ms", "--transform", "flip",
		l.addrs[0])
}

// TestLoadThroughLink checks the counts of ohce load through a link with known impairments: they must
// be within three standard errors. The seed determines which datagrams the link impairs. If this
// machine has sent more than a twentieth of the requests too late, it has also lost responses that
// it read too late. The test then tries again.
func TestLoadThroughLink(t *testing.T) {
	count := testsize.Pick(2000, 1000)
	p := serving(t, "--log", "none")
	load := func(t *testing.T, impair ...string) *measure.Report {
		t.Helper()
		for try := 1; ; try++ {
			r := reportOf(t, loadThrough(t, p, count, impair...))
			if r.Own.Missed > count/20 && try < maxTries {
				continue
			}
			if r.Asked != count || r.Sent < count*9/10 {
				t.Fatalf("%d asked and %d sent, want %d", r.Asked, r.Sent, count)
			}
			return r
		}
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
	}{
		{"loss", []string{"--up", "loss=10%", "--down", "loss=20%"}, func(t *testing.T, r *measure.Report) {
			share(t, "lost", r.Lost, r.Sent, 1-0.9*0.8)
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
			t.Parallel()
			tt.check(t, load(t, tt.impair...))
		})
	}
}

// TestLoadDelaysThroughLink checks that the median service time is the delay of the link within 1 %,
// and three standard errors if the delay is random. A load through a link without impairments, at the
// same time, shows what the machine adds. If this machine has sent more than a twentieth of the
// requests too late, the test tries again, and finally skips, because no time can be measured.
func TestLoadDelaysThroughLink(t *testing.T) {
	p := serving(t, "--log", "none")
	for _, tt := range []struct {
		name      string
		impair    []string
		deviation float64 // of the delay, in seconds
	}{
		{"constant", []string{"--delay", "150ms"}, 0},
		{"normal", []string{"--up", "delay=300ms±20ms,shape=normal"}, 0.02},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const count, want = 2000, 0.3
			for try := 1; ; try++ {
				delayed, direct := loadThrough(t, p, count, tt.impair...), loadThrough(t, p, count)
				r, reference := reportOf(t, delayed), reportOf(t, direct)
				got := (r.Service.Median - reference.Service.Median).Seconds()
				// The standard error of the median of a normal distribution is 1.25 σ / √n.
				bound := want/100 + 3*1.25*tt.deviation/math.Sqrt(float64(r.Answered))
				if math.Abs(got-want) <= bound && r.Service.Min > 200*time.Millisecond && r.Lost == 0 {
					return
				}
				switch {
				case r.Own.Missed <= count/20:
					t.Fatalf("the median is %.1f ms above that of the machine, want %.0f ± %.1f: %v, lost %d",
						1000*got, 1000*want, 1000*bound, r.Service, r.Lost)
				case try == maxTries:
					t.Skipf("this machine is too busy: %+v", *r)
				}
			}
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
	p := serving(t)
	open := loading(t, "-r", "1000", "-d", "2500ms", "-W", "2s", p.addrs[0])
	closed := loading(t, "--closed", "1", "-d", "2500ms", "-W", "2s", p.addrs[0])
	awaitRequests(t, p, 1)
	time.Sleep(time.Second) // the load continues meanwhile
	suspend(t, p.cmd.Process)
	time.Sleep(500 * time.Millisecond)
	sendSignal(t, p.cmd, syscall.SIGCONT)
	if r := reportOf(t, open); r.Latency.P99 < 400*time.Millisecond || r.Latency.P90 < 50*time.Millisecond {
		t.Errorf("latency of the open loop: %+v", r.Latency)
	}
	if r := reportOf(t, closed); r.Latency.P99 > 400*time.Millisecond || r.Latency.Max < 400*time.Millisecond {
		t.Errorf("latency of the closed loop: %+v", r.Latency)
	}
}

// TestStoppedLoad: the requests that were due while the generator was stopped are its own failures.
func TestStoppedLoad(t *testing.T) {
	t.Parallel()
	p := serving(t)
	load := loading(t, "-r", "2000", "-d", "2s", p.addrs[0])
	awaitRequests(t, p, 50)
	suspend(t, load.cmd.Process)
	time.Sleep(200 * time.Millisecond)
	sendSignal(t, load.cmd, syscall.SIGCONT)
	r := reportOf(t, load)
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
	p := serving(t)
	load := loading(t, "-r", "1000", "-d", "1m", p.addrs[0])
	awaitRequests(t, p, 50)
	sendSignal(t, load.cmd, syscall.SIGINT)
	begun := time.Now()
	r := reportOf(t, load)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the load ended %v after the signal", took)
	}
	if r.Asked < 40 || r.Asked > 10_000 || r.Answered < r.Asked/2 {
		t.Errorf("%d asked and %d answered before the signal", r.Asked, r.Answered)
	}
}

// awaitRequests waits until a server, which prints up to 100 lines a second, has printed n requests.
func awaitRequests(t *testing.T, p *process, n int) {
	t.Helper()
	if err := p.awaitTimes("Client's address ", n); err != nil {
		t.Fatal(err)
	}
}
