package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os/exec"
	"strconv"
	"testing"

	"github.com/ohce/ohce/internal/testsize"
)

// pingSummary is the summary of ohce ping --json.
type pingSummary struct {
	Sent, Answered, Lost, Late, Duplicates, Reordered, Wrong int
	Own                                                      struct{ Missed int }
	RTT                                                      struct{ Min, Median, P90, P99 float64 } `json:"rtt_ms"`
}

// A jsonProcess is a running command that prints JSON.
type jsonProcess struct {
	cmd       *exec.Cmd
	out, errs bytes.Buffer
}

// startJSON starts "ohce ARGS... --json".
func startJSON(t *testing.T, args ...string) *jsonProcess {
	t.Helper()
	p := &jsonProcess{cmd: command(append(args, "--json")...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// last waits for the end of the process, reads the last line of its output into v, and returns the
// exit code.
func (p *jsonProcess) last(t *testing.T, v any) (code int) {
	t.Helper()
	err := p.cmd.Wait()
	lines := bytes.Split(bytes.TrimSpace(p.out.Bytes()), []byte("\n"))
	if jsonErr := json.Unmarshal(lines[len(lines)-1], v); jsonErr != nil {
		t.Fatalf("%v: %v: %.200s", err, jsonErr, p.errs.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// summaryOf returns the summary of a process of ohce ping. Without a response, the exit code is 1.
func summaryOf(t *testing.T, p *jsonProcess) (s pingSummary) {
	t.Helper()
	v := struct{ Summary *pingSummary }{&s}
	if code := p.last(t, &v); code != exitOK && code != exitFail {
		t.Fatalf("exit code %d: %s", code, p.errs.String())
	}
	return s
}

// startPing pings a server through a link that impairs datagrams. The seed determines which datagrams
// the link impairs, and how.
func startPing(t *testing.T, server *process, count int, impair ...string) (ping *jsonProcess, link *process) {
	t.Helper()
	link = linking(t, append([]string{"--to", server.addrs[0], "--seed", "1"}, impair...)...)
	return startJSON(t, "ping", "-c", strconv.Itoa(count), "-i", "2ms", "-W", "1s", link.addrs[0]), link
}

// pingThrough calls startPing and waits for the summary.
func pingThrough(t *testing.T, server *process, count int, impair ...string) (pingSummary, *process) {
	t.Helper()
	ping, l := startPing(t, server, count, impair...)
	s := summaryOf(t, ping)
	if s.Sent != count || s.Answered+s.Lost+s.Late+s.Wrong != count {
		t.Errorf("%d requests, and the summary is %+v", count, s)
	}
	return s, l
}

// checkCount checks that a count is within three standard errors. mean and variance are those of
// the count for one request, if requests are independent.
func checkCount(t *testing.T, what string, got, requests int, mean, variance float64) {
	t.Helper()
	n := float64(requests)
	if want, bound := n*mean, 3*math.Sqrt(n*variance); math.Abs(float64(got)-want) > bound {
		t.Errorf("%d %s of %d requests, want %.0f ± %.0f", got, what, requests, want, bound)
	}
}

// TestPingCountsThroughLink checks the loss and the duplicates that ohce ping reports against the
// impairments of the link.
func TestPingCountsThroughLink(t *testing.T) {
	t.Parallel()
	count := testsize.Pick(1000, 300)
	p := serving(t, "--log", "none")
	for _, tt := range []struct {
		name             string
		impair           []string
		lost, duplicates float64 // mean numbers for a request
		variance         float64 // of the number that is not 0; 0 for a share
	}{
		{name: "nothing"},
		{name: "loss up", impair: []string{"--up", "loss=20%"}, lost: 0.2},
		{name: "loss down", impair: []string{"--down", "loss=20%"}, lost: 0.2},
		{name: "loss both ways", impair: []string{"--loss", "20%"}, lost: 1 - 0.8*0.8},
		{name: "different loss", impair: []string{"--up", "loss=10%", "--down", "loss=30%"}, lost: 1 - 0.9*0.7},
		{name: "bursts of loss", impair: []string{"--down", "loss=20%,burst=4"}, lost: 0.2,
			variance: burstVariance(0.2, 4)},
		{name: "duplication down", impair: []string{"--down", "duplicate=10%"}, duplicates: 0.1},
		{name: "duplication up", impair: []string{"--up", "duplicate=10%"}, duplicates: 0.1},
		// There are N = 1 or 2 requests, and each response arrives once or twice.
		{name: "duplication both ways", impair: []string{"--duplicate", "10%"}, duplicates: 1.1*1.1 - 1,
			variance: 1.1*0.09 + 1.1*1.1*0.09}, // E(N)·Var(M) + Var(N)·E(M)²
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := pingThrough(t, p, count, tt.impair...)
			variance := func(share float64) float64 {
				if share > 0 && tt.variance > 0 {
					return tt.variance
				}
				return share * (1 - share)
			}
			checkCount(t, "lost", s.Lost, count, tt.lost, variance(tt.lost))
			checkCount(t, "duplicates", s.Duplicates, count, tt.duplicates, variance(tt.duplicates))
			if s.Late > 0 || s.Reordered > 0 {
				t.Errorf("the link keeps the order, and the summary is %+v", s)
			}
		})
	}
}

// burstVariance returns the variance of the number of lost datagrams, divided by the number of all
// datagrams, for loss in bursts: a Markov chain with two states, in which consecutive losses
// correlate.
func burstVariance(loss, length float64) float64 {
	toGood := 1 / length
	toBad := loss * toGood / (1 - loss)
	correlation := 1 - toGood - toBad
	return loss * (1 - loss) * (1 + correlation) / (1 - correlation)
}
