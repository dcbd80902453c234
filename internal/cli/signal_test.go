//go:build unix

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func connect(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.UDPConn)
}

// After SIGTERM the server answers the 1,000 requests that the kernel has queued.
func TestTermAnswersQueuedRequests(t *testing.T) {
	const queued = 1000
	p := serving(t)
	c := connect(t, p.addrs[0])
	c.SetReadBuffer(4 << 20)
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for i := range queued {
		if _, err := fmt.Fprintf(c, "%d", i); err != nil {
			t.Fatal(err)
		}
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGCONT} {
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	text, err := p.wait()
	if err != nil {
		t.Fatalf("serve ended with %v\n%s", err, text)
	}
	var received, answered, dropped, kernel int
	parseSummary(t, text, &received, &answered, &dropped, &kernel)
	if received+kernel != queued || answered != received || dropped != 0 {
		t.Errorf("sent %d, the server printed %s", queued, text)
	}
	if os.Getenv("CI") != "" && kernel > 0 {
		t.Errorf("the kernel dropped %d: the receive buffer is too small", kernel)
	}
	buf := make([]byte, 100)
	for i := range answered {
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(buf); err != nil {
			t.Fatalf("answer %d of %d: %v", i, answered, err)
		}
	}
}

// parseSummary parses the last line of a server's standard error.
func parseSummary(t *testing.T, text string, received, answered, dropped, kernel *int) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := lines[len(lines)-1]
	head, tail, _ := strings.Cut(last, ", dropped by the kernel ")
	_, err1 := fmt.Sscanf(head, "received %d, answered %d, dropped %d", received, answered, dropped)
	_, err2 := fmt.Sscan(tail, kernel)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatalf("the summary is %q: %v", last, err)
	}
}

// Above 100 requests a second the log has one line a second.
func TestRequestLogLimitsItsLines(t *testing.T) {
	p := serving(t)
	c := connect(t, p.addrs[0])
	begun := time.Now()
	exchange(t, c, 5000)
	took := time.Since(begun)
	text, err := p.stop()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(text, "Client's address ")
	// The requests fall into at most one second more than they took, partly into two.
	if limit := logRate * (int(took.Seconds()) + 2); lines < 1 || lines > limit {
		t.Errorf("%d lines for 5,000 requests in %v, want at most %d", lines, took, limit)
	}
	// Requests without a line of their own are counted.
	for line := range strings.Lines(text) {
		var n, not int
		var seconds float64
		_, err := fmt.Sscanf(line, "%d requests in %f s, %d of them not listed", &n, &seconds, &not)
		if err == nil {
			lines += not
		}
	}
	if lines != 5000 {
		t.Errorf("lines and counts give %d requests, want 5,000:\n%s", lines, text)
	}
}

// exchange sends n requests, one at a time.
func exchange(t *testing.T, c *net.UDPConn, n int) {
	t.Helper()
	buf := make([]byte, 100)
	for i := range n {
		want := fmt.Sprint(i)
		c.SetDeadline(time.Now().Add(patience)) // the limit for one exchange
		if _, err := c.Write([]byte(reverse(want))); err != nil {
			t.Fatal(err)
		}
		k, err := c.Read(buf)
		if err != nil || string(buf[:k]) != want {
			t.Fatalf("request %d got %q, %v", i, buf[:k], err)
		}
	}
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// An unreadServer is an "ohce serve" whose log the test reads only when it needs a line.
type unreadServer struct {
	cmd  *exec.Cmd
	log  *os.File
	in   *bufio.Reader
	conn *net.UDPConn // to the server
}

func serveUnread(t *testing.T, args ...string) *unreadServer {
	t.Helper()
	return startUnread(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
}

// startUnread starts a command and reads its first line, which has its address.
func startUnread(t *testing.T, args ...string) *unreadServer {
	t.Helper()
	log, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &unreadServer{cmd: command(args...), log: log}
	s.cmd.Stderr = w
	err = errors.Join(s.cmd.Start(), w.Close())
	t.Cleanup(func() { s.cmd.Process.Kill(); log.Close() })
	if err != nil {
		t.Fatal(err)
	}
	s.in = bufio.NewReaderSize(log, 16) // small, so that unread lines stay in the pipe
	line, err := s.in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s.conn = connect(t, printedAddress(strings.TrimSpace(line)))
	return s
}

func (s *unreadServer) term(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// wait waits until the server exits and checks its exit code.
func (s *unreadServer) wait(t *testing.T) {
	t.Helper()
	killer := time.AfterFunc(patience, func() { s.cmd.Process.Kill() })
	defer killer.Stop()
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

// If the reader of the log stalls, the log loses lines, but every request is answered.
func TestStalledLogReaderDelaysNoResponse(t *testing.T) {
	t.Parallel() // it waits for most of its time
	s := serveUnread(t, "--log", "each")
	// A pipe holds 64 KiB and a line has about 33 bytes, so the pipe is full after 2,000 requests.
	exchange(t, s.conn, 20_000)
	s.term(t)
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			t.Fatalf("no summary: %v", err)
		}
		if strings.HasPrefix(line, "received ") {
			if !strings.HasPrefix(line, "received 20000, answered 20000, dropped 0, ") {
				t.Errorf("the server printed %q", line)
			}
			break
		}
	}
	s.wait(t)
}

// The server ends even if the reader of its log stalls.
func TestServeEndsIfLogReaderStalls(t *testing.T) {
	t.Parallel() // it waits for most of its time
	s := serveUnread(t, "--log", "each")
	exchange(t, s.conn, 5000) // their lines fill the pipe
	s.term(t)
	s.wait(t)
}

// The server keeps running when the reader of its log ends.
func TestServeContinuesIfLogReaderCloses(t *testing.T) {
	s := serveUnread(t)
	s.log.Close()
	exchange(t, s.conn, 10)
	s.term(t)
	s.wait(t)
}

// So does a link.
func TestLinkContinuesIfLogReaderCloses(t *testing.T) {
	server := serving(t, "--log", "none")
	s := startUnread(t, "link", "--listen", "127.0.0.1:0", "--to", server.addrs[0], "--api", "none", "--trace")
	s.log.Close()
	exchange(t, s.conn, 10)
	s.term(t)
	s.wait(t)
}

// And so does an exporter, which logs each probe here.
func TestExporterContinuesIfLogReaderCloses(t *testing.T) {
	s := startUnread(t, "exporter", "--listen", "127.0.0.1:0", "--log.level", "debug", "--timeout-offset", "0")
	s.log.Close()
	addr := s.conn.RemoteAddr().String()
	for range 3 {
		status, text := fetch(t, "http://"+addr+"/probe?module=echo&target=127.0.0.1:1")
		if status != 200 || series(t, text, "probe_success") != 0 {
			t.Fatalf("status %d: %s", status, text)
		}
	}
	s.term(t)
	s.wait(t)
}

// If standard output is not read, the first signal waits for the answer that is being written, and
// the second one ends send.
func TestSecondSignalEndsStalledSend(t *testing.T) {
	p := serving(t)
	stdout, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd := command("send", "--server", p.addrs[0])
	cmd.Stdout = w
	cmd.Stdin = strings.NewReader(strings.Repeat(strings.Repeat("x", 1000)+"\n", 100))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(stdout, make([]byte, 1000)); err != nil { // send is working
		t.Fatal(err)
	}
	killer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer killer.Stop()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
				t.Errorf("send ended with %v, want an end by SIGINT", err)
			}
			return
		case <-again.C:
			cmd.Process.Signal(os.Interrupt)
		}
	}
}

func TestInterruptEndsSendImmediately(t *testing.T) {
	testSignaledSend(t, os.Interrupt)
}

// testSignaledSend starts a send without a server, sends it signals after its first attempt, and
// checks how it ends.
func testSignaledSend(t *testing.T, signals ...os.Signal) {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	cmd := command("send", "--server", pc.LocalAddr().String(), "--retry", "1m", "Hello")
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer killer.Stop()
	pc.SetDeadline(time.Now().Add(patience))
	if _, _, err := pc.ReadFrom(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	for _, sig := range signals {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || errs.String() != "ohce: interrupted\n" {
		t.Errorf("send ended with %v and printed %q", err, &errs)
	}
}
