//go:build linux

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/testsize"
)

// linesEnv is the environment variable with the number of lines that these tests send; `make lines`
// sets it to 100,000.
const linesEnv = "OHCE_LINES"

// speedRounds is how often a test measures before it fails. Other programs on the machine can slow
// down a round, but hardly all of them.
const speedRounds = 5

// manyLines returns lines of different lengths, and the answers to them.
func manyLines(t *testing.T) (lines, answers []byte, count int) {
	t.Helper()
	count = testsize.Pick(3_000, 500)
	if s := os.Getenv(linesEnv); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", linesEnv, err)
		}
		count = n
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range count {
		line := fmt.Appendf(nil, "Line %d %s", i, strings.Repeat("x", rnd.IntN(40)))
		lines = append(append(lines, line...), '\n')
		answers = append(flip.Append(answers, line), '\n')
	}
	return lines, answers, count
}

// firstLines returns the first n lines of text.
func firstLines(text []byte, n int) []byte {
	parts := bytes.SplitAfterN(text, []byte{'\n'}, n+1)
	return bytes.Join(parts[:min(n, len(parts))], nil)
}

// A progressWriter collects the output of a process and kills a process that writes nothing for the
// time patience.
type progressWriter struct {
	buf    bytes.Buffer
	killer *time.Timer
}

func newProgressWriter(cmd *exec.Cmd) *progressWriter {
	return &progressWriter{killer: time.AfterFunc(patience, func() {
		if cmd.Process != nil {
			cmd.Process.Kill()
		}
	})}
}

func (w *progressWriter) Write(b []byte) (int, error) {
	w.killer.Reset(patience)
	return w.buf.Write(b)
}

// sendLines runs "ohce send" on lines, checks the responses, and returns how long it took.
func sendLines(t *testing.T, lines, answers []byte, args ...string) time.Duration {
	t.Helper()
	cmd := command(append([]string{"send"}, args...)...)
	out := newProgressWriter(cmd)
	defer out.killer.Stop()
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(lines), out, &errs
	begun := time.Now()
	err := cmd.Run()
	took := time.Since(begun)
	if err != nil || errs.Len() > 0 {
		t.Fatalf("send: %v: %.300s", err, errs.String())
	}
	if !bytes.Equal(out.buf.Bytes(), answers) {
		t.Fatal("the output is not the answers")
	}
	return took
}

// stopAndWait sends the first n lines with a client in Python that waits for each answer, and
// returns the time for each line.
func stopAndWait(t *testing.T, addr string, lines []byte, n int) time.Duration {
	t.Helper()
	python := program(t, "python3")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/python/stop_and_wait.py", host, port)
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(firstLines(lines, n)), &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var sent, down int
	var seconds float64
	_, err = fmt.Sscanf(errs.String(), "%d lines in %f s, %d down", &sent, &seconds, &down)
	if err != nil || sent != n {
		t.Fatalf("Python says %q: %v", errs.String(), err)
	}
	return time.Duration(seconds / float64(n) * float64(time.Second))
}

// sendFewLines runs "ohce send" on the first ten lines and returns how long it took, which is
// mainly the time to start and to end.
func sendFewLines(t *testing.T, lines, answers []byte, args ...string) time.Duration {
	t.Helper()
	return sendLines(t, firstLines(lines, 10), firstLines(answers, 10), args...)
}

// checkSpeed measures "ohce send" up to speedRounds times, until it takes at most the fixed time
// plus the time in which stop-and-wait sends the lines divided by times. The fixed time is twice
// the time that send takes for a few lines, plus recovery, the time for retransmissions at the end.
func checkSpeed(t *testing.T, addr string, recovery time.Duration, sample int, times float64,
	args ...string) {
	t.Helper()
	lines, answers, count := manyLines(t)
	args = append([]string{"--server", addr}, args...)
	for round := range speedRounds {
		each := stopAndWait(t, addr, lines, min(count, sample))
		fixed := recovery + 2*sendFewLines(t, lines, answers, args...)
		took := sendLines(t, lines, answers, args...)
		limit := fixed + time.Duration(float64(count)*float64(each)/times)
		t.Logf("round %d: %d lines in %v, limit %v, stop-and-wait in Python takes %v a line", round+1,
			count, took.Round(time.Millisecond), limit.Round(time.Millisecond),
			each.Round(time.Microsecond))
		if took <= limit {
			return
		}
	}
	t.Errorf("ohce send is not %g times as fast as stop-and-wait", times)
}

func TestManyLinesOnLoopback(t *testing.T) {
	p := serving(t, "--log", "none")
	// The tests of other packages can take the core that ohce send needs beside the server's, which
	// stop-and-wait does not. Then a few lines gain nothing; make lines sends many of them, alone.
	checkSpeed(t, p.addrs[0], 100*time.Millisecond, 2_000, 2)
}

func TestManyLinesThroughLoss(t *testing.T) {
	testsize.RequireFull(t, linesEnv)
	p := serving(t, "--log", "none")
	lossy := linking(t, "--to", p.addrs[0], "--delay", "10ms", "--loss", "5%", "--seed", "1")
	checkSpeed(t, lossy.addrs[0], time.Second, 50, 200, "--expect", "flip", "--retry", "adaptive")
}

// TestManyLinesWithoutFlags checks that send is quick although it does not know the transform of the
// server. 30,000 lines take at most 8 s.
func TestManyLinesWithoutFlags(t *testing.T) {
	p := serving(t, "--log", "none")
	lossy := linking(t, "--to", p.addrs[0], "--delay", "10ms", "--loss", "5%", "--seed", "1")
	lines, answers, count := manyLines(t)
	limit := 3*time.Second + time.Duration(count)*5*time.Second/30_000
	took := sendLines(t, lines, answers, "--server", lossy.addrs[0])
	t.Logf("%d lines in %v, limit %v", count, took.Round(time.Millisecond), limit)
	if took > limit {
		t.Errorf("send is too slow")
	}
}

// linking starts "ohce link" for a test.
func linking(t *testing.T, args ...string) *process {
	t.Helper()
	args = append([]string{"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"}, args...)
	p, err := startLink(args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// The link of TestManyLinesOverASlowLink, and what a datagram on it has besides its payload.
const (
	slowLinkBits  = 10_000_000 // a second
	slowLinkQueue = 100        // datagrams
	headerBytes   = 28
)

// ohce send keeps a slow link busy without overflowing its queue. The reference is a client that
// knows the capacity of the link and always has enough requests in flight.
func TestManyLinesOverASlowLink(t *testing.T) {
	lines, answers, count := manyLines(t)
	for _, delay := range []time.Duration{time.Millisecond, 10 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			p := serving(t, "--log", "none")
			for round := range speedRounds {
				slow := linking(t, "--to", p.addrs[0], "--delay", delay.String(), "--rate",
					fmt.Sprint(slowLinkBits, "bit/s"), "--queue", strconv.Itoa(slowLinkQueue))
				args := []string{"--server", slow.addrs[0], "--retry", "adaptive"}
				few := sendFewLines(t, lines, answers, args...)
				reference := keepBusy(t, slow.addrs[0], lines, count, delay)
				begun := slow.linkCounters(t)
				took := sendLines(t, lines, answers, args...)
				ended := slow.linkCounters(t)
				received, lost := ended.received-begun.received, ended.overflowed-begun.overflowed
				// Until the window is found, it doubles, which takes a few round trips, and each of
				// the first two losses can be as large as the window.
				limit := reference*5/4 + 20*delay + 2*few + 100*time.Millisecond
				maxLost := 2*(pathCapacity(lines, count, delay)+slowLinkQueue) + received/50
				t.Logf("round %d: %d lines in %v, reference %v, limit %v; %d of %d datagrams lost to the "+
					"queue, limit %d", round+1, count, took.Round(time.Millisecond),
					reference.Round(time.Millisecond), limit.Round(time.Millisecond), lost, received, maxLost)
				if received < 2*count {
					t.Fatalf("the link counts %d datagrams, want %d at least", received, 2*count)
				}
				if took <= limit && lost <= maxLost {
					return
				}
			}
			t.Error("ohce send does not keep the link busy, or overflows its queue")
		})
	}
}

// pathCapacity returns the bandwidth-delay product of the slow link in datagrams of average size.
func pathCapacity(lines []byte, count int, delay time.Duration) int {
	bits := (len(lines)/count + headerBytes) * 8
	return int(2*delay.Seconds()*slowLinkBits) / bits
}

// keepBusy sends lines with as many requests in flight as fill the link and half of its queue, and
// returns how long it took. Its window grows by one for every five responses, which the queue can
// hold. If no response arrives for 200 ms all the same, it counts the requests in flight as
// answered.
func keepBusy(t *testing.T, addr string, lines []byte, count int, delay time.Duration) time.Duration {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	window, maxWindow := slowLinkQueue/2, pathCapacity(lines, count, delay)+slowLinkQueue/2
	begun := time.Now()
	buf := make([]byte, 1000)
	inFlight, responses := 0, 0
	receive := func() {
		c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := c.Read(buf); errors.Is(err, os.ErrDeadlineExceeded) {
			inFlight = 0
			return
		} else if err != nil {
			t.Fatal(err)
		}
		inFlight--
		if responses++; responses%5 == 0 {
			window = min(window+1, maxWindow)
		}
	}
	for line := range bytes.Lines(lines) {
		for inFlight >= window {
			receive()
		}
		if _, err := c.Write(bytes.TrimSuffix(line, []byte{'\n'})); err != nil {
			t.Fatal(err)
		}
		inFlight++
	}
	for inFlight > 0 {
		receive()
	}
	return time.Since(begun)
}

// linkCounters are counters of a link, added up over both directions.
type linkCounters struct{ received, overflowed int }

// linkCounters returns the counters of "ohce link", which its API reports.
func (p *process) linkCounters(t *testing.T) (c linkCounters) {
	t.Helper()
	out, err := command("link", "ctl", "show", "link-1", "--api", p.api).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var received, sent, overflowed int
		_, rest, found := strings.Cut(line, ": received ")
		if !found {
			continue
		}
		fmt.Sscanf(rest, "%d, sent %d, overflowed the queue %d", &received, &sent, &overflowed)
		c.received, c.overflowed = c.received+received, c.overflowed+overflowed
	}
	return c
}

// TestServerRestartsUnderManyLines kills the server while lines are sent and starts it again. All
// lines are answered.
func TestServerRestartsUnderManyLines(t *testing.T) {
	lines, want, _ := manyLines(t)
	p := serving(t, "--log", "none")
	addr := p.addrs[0]
	cmd := command("send", "--expect", "flip", "--server", addr)
	var errs bytes.Buffer
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(lines), &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer killer.Stop()
	var got []byte
	killed := false
	buf := make([]byte, 1<<16)
	for {
		n, err := out.Read(buf)
		killer.Reset(patience)
		if got = append(got, buf[:n]...); err != nil {
			break
		}
		if !killed && len(got) > len(want)/4 {
			killed = true
			p.cmd.Process.Signal(syscall.SIGKILL)
			<-p.ended
			again, err := startServer([]string{"--listen", addr, "--log", "none"})
			if err != nil {
				t.Fatal(err)
			}
			defer again.kill()
		}
	}
	if err := cmd.Wait(); err != nil || errs.Len() > 0 {
		t.Errorf("send: %v: %.300s", err, errs.String())
	}
	if !killed || !bytes.Equal(got, want) {
		t.Errorf("killed %v; got %d bytes of answers, want %d, or wrong ones", killed, len(got),
			len(want))
	}
}
