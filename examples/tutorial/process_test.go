package tutorial_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
	"github.com/ohce/ohce/internal/loopback"
)

// timeout is the time limit of each program that a test runs.
const timeout = 60 * time.Second

// buildDir is the folder of buildAll, or nil if no test needed it.
var buildDir atomic.Pointer[string]

// buildAll compiles the Go programs of the tutorial into a folder.
var buildAll = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ohce-tutorial")
	if err != nil {
		return "", err
	}
	buildDir.Store(&dir)
	cmd := exec.Command("go", "build", "-o", dir, "./client", "./server", "./library",
		"github.com/ohce/ohce/cmd/ohce")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir := buildDir.Load(); dir != nil {
		os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// A program returns the command line that runs it. HOST and PORT follow as two arguments in Python
// and as one in Go.
type program func(t *testing.T, addr netip.AddrPort) []string

// inGo returns a Go program of the tutorial.
func inGo(name string) program {
	return func(t *testing.T, addr netip.AddrPort) []string {
		t.Helper()
		daemon.Find(t, "go")
		dir, err := buildAll()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		return []string{path, addr.String()}
	}
}

// inPython returns a Python program of the tutorial.
func inPython(name string) program {
	return func(t *testing.T, addr netip.AddrPort) []string {
		t.Helper()
		host, port, _ := net.SplitHostPort(addr.String())
		return []string{daemon.Find(t, "python3"), filepath.Join("python", name+".py"), host, port}
	}
}

// command returns a command that is killed at the end of the test or after the time limit.
func command(t *testing.T, args []string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, args[0], args[1:]...)
}

// run runs a client to its end and returns what it prints.
func run(t *testing.T, p program, server netip.AddrPort, messages ...string) (string, error) {
	t.Helper()
	cmd := command(t, append(p(t, server), messages...))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = errors.Join(err, errors.New(stderr.String()))
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n"), err
}

// start starts a server on a free port, waits until it listens, and returns its address. The server
// is killed at the end of the test.
func start(t *testing.T, p program) netip.AddrPort {
	t.Helper()
	addr := freePort(t)
	cmd := command(t, p(t, addr))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(firstLine(t, cmd, stdout), "Listening to ") {
		t.Fatal("the server does not print that it listens")
	}
	return addr
}

// impaired starts "ohce link" in front of a server and returns the link's address. The link is killed
// at the end of the test.
func impaired(t *testing.T, server netip.AddrPort, flags ...string) netip.AddrPort {
	t.Helper()
	addr := freePort(t)
	args := []string{inGo("ohce")(t, addr)[0], "link", "--listen", addr.String(),
		"--to", server.String(), "--api", "none"}
	cmd := command(t, append(args, flags...))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if line := firstLine(t, cmd, stderr); !strings.Contains(line, addr.String()) {
		t.Fatalf("ohce link prints %q first", line)
	}
	return addr
}

// firstLine starts a command and returns the first line of its output. The command is killed at the
// end of the test.
func firstLine(t *testing.T, cmd *exec.Cmd, output io.Reader) string {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	lines.Scan()
	first := lines.Text()
	var wg sync.WaitGroup
	wg.Go(func() { // ends with the command
		for lines.Scan() {
		}
	})
	t.Cleanup(func() { cmd.Process.Kill(); wg.Wait(); cmd.Wait() })
	return first
}

// freePort returns a loopback address without a listener.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	addr, err := loopback.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
