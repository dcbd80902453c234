package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/loopback"
)

// program returns the path of a program that a test runs. If the program is missing, program skips
// the test, or fails it if CI is set.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("%s is missing", name)
	return ""
}

// serving starts "ohce serve" for a test and returns it.
func serving(t *testing.T, args ...string) *process {
	t.Helper()
	p, err := startServer(append([]string{"--listen", "127.0.0.1:0"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// run runs a program to its end and returns its output. It ignores the exit code, because some
// clients exit with an error after their wait for an answer.
func run(t *testing.T, stdin string, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); ctx.Err() != nil {
		t.Fatalf("%s does not end: %v\n%s%s", name, err, &out, &errs)
	}
	return out.String(), errs.String()
}

func TestSeedClientInPython(t *testing.T) {
	t.Parallel() // it waits for most of its time
	python := program(t, "python3")
	p := serving(t, "--log", "none")
	host, port, err := net.SplitHostPort(p.addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	out, errs := run(t, "", python, "testdata/python/seed_client.py", host, port, "5000")
	if out != "5000 answered\n" {
		t.Errorf("the client printed %q %q", out, errs)
	}
}

func TestSeedServerInPython(t *testing.T) {
	python := program(t, "python3")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server := exec.CommandContext(ctx, python, "testdata/python/seed_server.py")
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatal("the server prints nothing")
	}
	addr := strings.TrimPrefix(lines.Text(), "Listening to ")
	ended := make(chan struct{})
	go func() { // ends with the server
		defer close(ended)
		for lines.Scan() {
		}
	}()
	defer func() { server.Process.Kill(); <-ended; server.Wait() }()

	input := "Hello\n\nΣΟΦΟΣ ὁ Σωκράτης\nstraße\n\xff\xc3 bytes\n"
	for _, expect := range []string{"any", "flip"} {
		cmd := command("send", "--server", addr, "--expect", expect)
		cmd.Stdin = strings.NewReader(input)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if want := "OLLEh\n\nΣΗΤΆΡΚΩς Ὁ σοφος\nESSARTS\nSETYB \xc3\xff\n"; err != nil ||
			string(out) != want {
			t.Errorf("--expect %s: %q, %v, %s\nwant %q", expect, out, err, &errs, want)
		}
	}
	big := strings.Repeat("aB", 32_000)
	cmd := command("send", "--server", addr, "--expect", "flip", big)
	if out, err := cmd.Output(); err != nil || string(out) != strings.Repeat("bA", 32_000)+"\n" {
		t.Errorf("64,000 bytes: %v, got %d bytes", err, len(out))
	}
}

// Other clients send "Hello" and print the response.
func TestOtherClients(t *testing.T) {
	tests := []struct {
		program string
		args    func(host, port string) []string
	}{
		{"nc", func(h, p string) []string { return []string{"-u", h, p} }},
		{"socat", func(h, p string) []string { return []string{"-t", "0.1", "-", "UDP:" + h + ":" + p} }},
		{"ncat", func(h, p string) []string { return []string{"-u", h, p} }},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			path := program(t, tt.program)
			p := serving(t)
			host, port, err := net.SplitHostPort(p.addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			if got := converse(t, "Hello", path, tt.args(host, port)...); got != "OLLEh" {
				t.Errorf("%s got %q", tt.program, got)
			}
			if runtime.GOOS == "windows" {
				return
			}
			text, err := p.stop()
			if err != nil || !strings.Contains(text, ", dropped 0, ") {
				t.Errorf("the server printed %s, %v", text, err)
			}
		})
	}
}

// converse writes input to a program, reads as many bytes of its output, and ends it. It keeps the
// program's standard input open meanwhile, because some clients exit at its end without waiting for
// an answer.
func converse(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if _, err := io.WriteString(stdin, input); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(input))
	n, err := io.ReadFull(stdout, got)
	if err != nil {
		t.Errorf("%s ended after %q: %v", name, got[:n], err)
	}
	return string(got[:n])
}

func TestPromptOnATerminal(t *testing.T) {
	t.Parallel() // it waits for most of its time
	python := program(t, "python3")
	if runtime.GOOS == "windows" {
		t.Skip("Python has no pseudo-terminals on Windows")
	}
	p := serving(t)
	reserved, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	defer reserved.Close()
	dead := reserved.LocalAddr().String()
	for _, tt := range []struct{ name, addr, retry, want string }{
		{"up", p.addrs[0], "10s", "> Hello\r\nOLLEh\r\n> again\r\nNIAGA\r\n> "},
		// The user can send another line after one without an answer.
		{"down", dead, "300ms", "> again\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, errs := run(t, "", python, "testdata/python/terminal.py", "> ", "Hello", "again", "--",
				os.Args[0], "send", "--server", tt.addr, "--retry", tt.retry)
			out = strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "").Replace(out)
			if !strings.Contains(out, tt.want) || errs != "" {
				t.Errorf("the terminal shows %q, %s\nwant %q", out, errs, tt.want)
			}
			down := fmt.Sprintf("SERVER IS DOWN !\r\nhint: %s refused", tt.addr)
			if n := strings.Count(out, down); (tt.addr == dead) != (n == 2) {
				t.Errorf("the terminal shows %q %d times:\n%s", down, n, out)
			}
		})
	}
}
