//go:build linux

package cli

import (
	"bytes"
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
)

// linesEnv says how many lines these tests send; `make lines` sends 100,000 and checks how quick
// that is.
const linesEnv = "OHCE_LINES"

// enoughLines are so many that what it takes to start and to end does not count.
const enoughLines = 100_000

// manyLines makes lines of all lengths, with the answers to them. whole reports whether they are so
// many that the time they take says something.
func manyLines(t *testing.T) (lines, turned []byte, count int, whole bool) {
	t.Helper()
	count = 3_000
	if testing.Short() {
		count = 500
	}
	if s := os.Getenv(linesEnv); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", linesEnv, err)
		}
		count, whole = n, n >= enoughLines
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range count {
		line := fmt.Appendf(nil, "Line %d %s", i, strings.Repeat("x", rnd.IntN(40)))
		lines = append(append(lines, line...), '\n')
		turned = append(flip.Append(turned, line), '\n')
	}
	return lines, turned, count, whole
}

// sendLines lets "ohce send" send lines, checks the answers, and returns how long it took.
func sendLines(t *testing.T, lines, want []byte, args ...string) time.Duration {
	t.Helper()
	cmd := command(append([]string{"send", "--expect", "flip"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(lines), &out, &errs
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer killer.Stop()
	err := cmd.Wait()
	took := time.Since(begun)
	if err != nil || errs.Len() > 0 {
		t.Fatalf("send: %v: %.300s", err, errs.String())
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Fatal("the output is not the answers")
	}
	return took
}

// stopAndWait lets the seed's client in Python send the first n lines, and returns how long each
// took.
func stopAndWait(t *testing.T, addr string, lines []byte, n int) time.Duration {
	t.Helper()
	python := program(t, "python3")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	some := bytes.Join(bytes.SplitAfterN(lines, []byte{'\n'}, n+1)[:n], nil)
	cmd := exec.CommandContext(t.Context(), python, "testdata/python/stop_and_wait.py", host, port)
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(some), &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var sent, down int
	var seconds float64
	if _, err := fmt.Sscanf(errs.String(), "%d lines in %f s, %d down", &sent, &seconds, &down); err != nil ||
		sent != n {
		t.Fatalf("Python says %q: %v", errs.String(), err)
	}
	return time.Duration(seconds / float64(n) * float64(time.Second))
}

// quicker checks how many times as quick as stop-and-wait the lines were.
func quicker(t *testing.T, took time.Duration, count int, each time.Duration, times float64, judge bool) {
	t.Helper()
	got := each.Seconds() * float64(count) / took.Seconds()
	t.Logf("%d lines in %v, %.0f times as fast as stop-and-wait in Python (%v a line)", count,
		took.Round(time.Millisecond), got, each.Round(time.Microsecond))
	if judge && got < times {
		t.Errorf("that is less than %.0f times", times)
	}
}

func TestManyLinesOnLoopback(t *testing.T) {
	lines, want, count, whole := manyLines(t)
	p := serving(t, "--log", "none")
	each := stopAndWait(t, p.addrs[0], lines, min(count, 2_000))
	quicker(t, sendLines(t, lines, want, "--server", p.addrs[0]), count, each, 20, whole)
}

func TestManyLinesThroughLoss(t *testing.T) {
	lines, want, count, whole := manyLines(t)
	p := serving(t, "--log", "none")
	way := linking(t, "--to", p.addrs[0], "--delay", "10ms", "--loss", "5%", "--seed", "1")
	each := stopAndWait(t, way.addrs[0], lines, 100)
	took := sendLines(t, lines, want, "--server", way.addrs[0], "--retry", "adaptive")
	quicker(t, took, count, each, 200, whole)
}

// linking starts "ohce link" for a test.
func linking(t *testing.T, args ...string) *process {
	t.Helper()
	p, err := startLink(append([]string{"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// TestManyLinesOverASlowLink: 10 Mbit/s with a queue of 100 datagrams is kept busy and not flooded.
func TestManyLinesOverASlowLink(t *testing.T) {
	const bits = 10_000_000
	lines, want, count, whole := manyLines(t)
	for _, delay := range []string{"1ms", "10ms"} {
		t.Run(delay, func(t *testing.T) {
			p := serving(t, "--log", "none")
			way := linking(t, "--to", p.addrs[0], "--delay", delay, "--rate", "10Mbit/s", "--queue", "100")
			took := sendLines(t, lines, want, "--server", way.addrs[0], "--retry", "adaptive")
			text, err := way.stop()
			if err != nil {
				t.Fatal(err)
			}
			received, lost := 0, 0
			for line := range strings.SplitSeq(text, "\n") {
				name, rest, _ := strings.Cut(line, ": received ")
				if name == "up" || name == "down" {
					var n, sent, over int
					fmt.Sscanf(rest, "%d, sent %d, overflowed the queue %d", &n, &sent, &over)
					received, lost = received+n, lost+over
				}
			}
			const headers, newline = 28, 1
			carried := float64(len(lines)+count*(headers-newline)) * 8
			full := carried / bits / took.Seconds()
			over := float64(lost) / float64(received)
			t.Logf("%d lines in %v: %.2f full, %.4f of %d datagrams lost to the queue", count,
				took.Round(time.Millisecond), full, over, received)
			if received < 2*count || whole && (full < 0.8 || over >= 0.02) {
				t.Errorf("want 0.80 and less than 0.02, and all datagrams counted:\n%s", text)
			}
		})
	}
}

// TestServerRestartsUnderManyLines: a server that is killed on the way and starts again is not
// noticed.
func TestServerRestartsUnderManyLines(t *testing.T) {
	lines, want, _, _ := manyLines(t)
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
	killer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer killer.Stop()
	var got []byte
	killed := false
	buf := make([]byte, 1<<16)
	for {
		n, err := out.Read(buf)
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
		t.Errorf("killed %v; %d bytes of answers, want %d, and the right ones", killed, len(got), len(want))
	}
}
