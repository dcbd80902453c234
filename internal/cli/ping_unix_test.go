//go:build unix

package cli

import (
	"bufio"
	"strings"
	"syscall"
	"testing"
)

// TestPingInterrupted checks that an interrupt ends ohce ping with its summary. The exit code depends
// on the results.
func TestPingInterrupted(t *testing.T) {
	p := serving(t, "--log", "none")
	cmd := command("ping", "-i", "10ms", p.addrs[0])
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(stdout)
	var last []string
	for lines.Scan() {
		last = append(last, lines.Text())
		if len(last) == 5 {
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ohce ping ended with %v", err)
	}
	if n := len(last); n > 0 && strings.HasPrefix(last[n-1], "receive delay ") {
		last = last[:n-1] // only on systems that report it
	}
	if n := len(last); n < 7 || last[n-3] != "" || !strings.Contains(last[n-2], " sent, ") ||
		!strings.HasPrefix(last[n-1], "round trip min ") {
		t.Errorf("the output is %q", last)
	}
}
