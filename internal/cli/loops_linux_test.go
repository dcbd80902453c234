package cli

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/testsize"
)

// loopTexts returns n different texts with the lengths that length returns, from 2 bytes.
func loopTexts(n int, length func(i int) int) (texts [][]byte) {
	for i := range n {
		text := fmt.Appendf(nil, "%c%c", 'a'+i/26, 'a'+i%26)
		texts = append(texts, append(text, bytes.Repeat([]byte{'x'}, length(i)-2)...))
	}
	return texts
}

// A loopPeer starts another server on an address for the rest of a test, and waits until it
// listens.
type loopPeer func(t *testing.T, host, port string) *process

func ohcePeer(t *testing.T, host, port string) *process {
	t.Helper()
	return serving(t, "--listen", net.JoinHostPort(host, port), "--log", "none")
}

// pythonPeer runs the server of the tutorial.
func pythonPeer(t *testing.T, host, port string) *process {
	t.Helper()
	startPeer(t, "Listening to", exec.Command(program(t, "python3"),
		"../../examples/tutorial/python/server.py", host, port))
	return nil
}

// echoPeer runs a server that answers as RFC 862 says, for one client. The pair of datagram sockets
// between socat and cat keeps the datagrams separate.
func echoPeer(t *testing.T, host, port string) *process {
	t.Helper()
	startPeer(t, "listening on", exec.Command(program(t, "socat"), "-d", "-d",
		"UDP4-LISTEN:"+port+",bind="+host, "EXEC:cat,socktype=2"))
	return nil
}

// startPeer starts a command, waits until it prints ready, and kills it at the end of the test.
func startPeer(t *testing.T, ready string, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it can have children
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() { // ends when the cleanup closes w
		defer close(p.ended)
		io.Copy(p, r)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		w.Close()
		<-p.ended
	})
	if err := p.await(ready); err != nil {
		t.Fatal(err)
	}
}

// Write appends to the text that await reads.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// TestServeEndsLoops starts loops between a server and another program, and checks that they end
// within 16 requests a text. The server counts each of them as loop, unless the peer does.
//
// The test sends the first datagrams from the address of the other program, as if they were forged.
// The server is stopped until the program has taken over the address.
func TestServeEndsLoops(t *testing.T) {
	for _, peer := range []struct {
		name  string
		start loopPeer
		only  string // the only case; all if empty
	}{{"ohce", ohcePeer, ""}, {"python", pythonPeer, "hundred texts"}, {"echo", echoPeer, "two lengths"}} {
		for _, tt := range []struct {
			name  string
			texts [][]byte
		}{
			{"one text", loopTexts(1, func(int) int { return 5 })},
			{"two lengths", loopTexts(2, func(i int) int { return 26 + i })},
			{"fifty lengths", loopTexts(50, func(i int) int { return 2 + i })},
			{"hundred texts", loopTexts(100, func(int) int { return 40 })},
		} {
			if peer.only != "" && peer.only != tt.name || !testsize.Full() && len(tt.texts) != 50 {
				continue
			}
			t.Run(peer.name+"/"+tt.name, func(t *testing.T) {
				s := serving(t, "--log", "each")
				received, loops := runLoops(t, s, peer.start, "0", tt.texts)
				t.Logf("%d texts: %d requests, %d dropped as loop", len(tt.texts), received, loops)
				n := len(tt.texts)
				if received > 16*n || loops != n {
					t.Errorf("%d requests and %d drops, want at most %d and %d", received, loops, 16*n, n)
				}
			})
		}
	}
}

// TestServeRefusesOwnPort checks that no loop begins between two servers on the same port.
func TestServeRefusesOwnPort(t *testing.T) {
	s := serving(t, "--log", "each")
	_, port, err := net.SplitHostPort(s.addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	texts := loopTexts(100, func(i int) int { return 2 + i })
	if received, loops := runLoops(t, s, ohcePeer, port, texts); received != 100 || loops != 100 {
		t.Errorf("%d requests, %d dropped as loop, want 100 and 100", received, loops)
	}
}

// runLoops starts loops between s and a peer on a port, with one datagram for each text. It waits
// until s receives no more, and returns how many requests it has received and how many of them both
// servers have dropped as loop.
func runLoops(
	t *testing.T, s *process, start loopPeer, port string, texts [][]byte,
) (received, loops int) {
	t.Helper()
	const host = "127.0.0.2" // a port of this address is free if no other test uses it
	suspend(t, s.cmd.Process)
	from, err := net.ResolveUDPAddr("udp4", net.JoinHostPort(host, port))
	if err != nil {
		t.Fatal(err)
	}
	to, err := net.ResolveUDPAddr("udp4", s.addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialUDP("udp4", from, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if _, err := c.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ = net.SplitHostPort(c.LocalAddr().String())
	c.Close()
	peer := start(t, host, port)
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(s.addrs[0], ":"+port) { // otherwise, it logs no request
		awaitSilence(t, s, host+":"+port)
	}
	received, loops = loopCounts(t, s)
	if peer != nil {
		_, more := loopCounts(t, peer)
		loops += more
	}
	return received, loops
}

// suspend stops a child process and waits until all its threads have stopped.
func suspend(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process does not stop: status %#x, %v", status, err)
	}
}

// awaitSilence waits until a server has logged a request and then logs no more.
func awaitSilence(t *testing.T, p *process, source string) {
	t.Helper()
	const silence = 250 * time.Millisecond // a round takes a few milliseconds at most
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for before := ""; time.Now().Before(deadline); {
		<-tick.C
		now := p.stderr()
		if now == before && strings.Contains(now, source) {
			return
		}
		before = now
	}
	t.Errorf("no silence within %v: %.1000s", patience, p.stderr())
}

// loopCounts stops a server and returns how many requests it has received and dropped as loop.
func loopCounts(t *testing.T, p *process) (received, loops int) {
	t.Helper()
	text, err := p.stop()
	if err != nil {
		t.Fatal(err)
	}
	var answered, dropped, kernel int
	parseSummary(t, text, &received, &answered, &dropped, &kernel)
	if m := regexp.MustCompile(`\(loop (\d+)\)`).FindStringSubmatch(text); m != nil {
		loops, err = strconv.Atoi(m[1])
	}
	if err != nil || dropped != loops || received != answered+dropped || kernel > 0 {
		t.Errorf("the server printed %s", text)
	}
	return received, loops
}
