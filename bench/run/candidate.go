package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serverCore and loadCore are the CPU cores to which servers and load generators are pinned.
const (
	serverCore = "0"
	loadCore   = "1"
)

// A candidate is a server program to measure.
type candidate struct {
	name   string
	args   []string // command line; ADDR, PORT, HTTP and DIR are replaced (DIR is the build directory)
	scrape bool     // its metrics, on the TCP port HTTP, are scraped once a second
	stderr bool     // prints that it is ready on standard error instead of standard output
	only   string   // the only load that it can bear; if empty, all loads
	cores  string   // the CPU cores that it may use; if empty, serverCore
}

// The names of the servers that show the limits of the socket interface.
const (
	limitBatch = "C, batches (the limit)"
	limitRuns  = "C, GRO and GSO (the limit)"
)

var candidates = []candidate{
	{name: limitBatch, args: []string{"DIR/batch", "ADDR", "PORT"}},
	{name: "C, one per call", args: []string{"DIR/batch", "ADDR", "PORT", "1"}},
	{name: limitRuns, args: []string{"DIR/gso", "ADDR", "PORT"}},
	{name: "ohce", args: []string{"DIR/ohce", "serve", "--log", "none", "--listen", "ADDR:PORT"},
		stderr: true},
	{name: "ohce --http", args: []string{"DIR/ohce", "serve", "--log", "none", "--http", "ADDR:HTTP",
		"--listen", "ADDR:PORT"}, stderr: true, scrape: true},
	{name: "ohce --busy-poll", args: []string{"DIR/ohce", "serve", "--log", "none", "--busy-poll", "100us",
		"--listen", "ADDR:PORT"}, stderr: true},
	{name: "plain Go", args: []string{"DIR/server", "plain", "ADDR:PORT"}},
	{name: "x/net batches", args: []string{"DIR/server", "xnet", "ADDR:PORT"}},
	{name: "gnet 2.9.7", args: []string{"DIR/server", "gnet", "ADDR:PORT"}},
	{name: "Python, as in the tutorial", args: []string{"python3", "python/server.py", "ADDR", "PORT"},
		stderr: true},
	{name: "Python, without printing", args: []string{"python3", "python/server.py", "ADDR", "PORT",
		"quiet"}, stderr: true},
	{name: "socat, a forked rev", args: []string{"socat", "-dd",
		"UDP4-RECVFROM:PORT,bind=ADDR,fork", "SYSTEM:rev | tr a-zA-Z A-Za-z"},
		stderr: true, only: "trip"},
}

// shardCandidates returns servers with different numbers of shards. They use all CPU cores,
// including that of the load generator.
func shardCandidates() (all []candidate) {
	for _, n := range []string{"1", "2", "4"} {
		all = append(all, candidate{
			name: "ohce --shards " + n, stderr: true, cores: fmt.Sprintf("0-%d", runtime.NumCPU()-1),
			args: []string{"DIR/ohce", "serve", "--log", "none", "--shards", n, "--listen", "ADDR:PORT"},
		})
	}
	return all
}

// A process is a running candidate.
type process struct {
	cmd     *exec.Cmd
	port    string
	scraper *scraper // nil if its metrics are not scraped
}

// A host is the network environment of servers.
type host struct {
	prefix []string // command that runs a server in the environment; if empty, none is needed
	addr   string   // address that servers listen on
}

var loopback = host{addr: "127.0.0.1"}

// start starts a candidate on a free port and waits until it prints that it is ready.
func (c candidate) start(dir string, h host) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	httpPort, err := freeTCPPort()
	if err != nil {
		return nil, err
	}
	args := append(slices.Clone(h.prefix), "taskset", "-c", cmp.Or(c.cores, serverCore))
	fill := strings.NewReplacer("PORT", port, "HTTP", httpPort, "ADDR", h.addr, "DIR", filepath.ToSlash(dir))
	for _, a := range c.args {
		args = append(args, fill.Replace(a))
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that end also kills its children
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if c.stderr {
		cmd.Stderr = w // its standard output, with lines for requests, is discarded
	} else {
		cmd.Stdout, cmd.Stderr = w, os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	p := &process{cmd: cmd, port: port}
	w.Close()
	ready := make(chan error, 1)
	go func() { // ends when the process exits
		defer out.Close()
		ready <- isReady(bufio.NewReader(out), port)
		io.Copy(io.Discard, out)
	}()
	select {
	case err = <-ready:
	case <-time.After(10 * time.Second):
		err = errors.New("not ready after 10 seconds")
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if c.scrape {
		if p.scraper, err = scrapeMetrics("http://" + net.JoinHostPort(h.addr, httpPort) + "/metrics"); err != nil {
			p.end()
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return p, nil
}

// isReady reads lines until one says that the server is bound. That of socat contains only the
// port. sockperf says that it warms up. irtt says that it starts, and its client tries again.
func isReady(lines *bufio.Reader, port string) error {
	var output strings.Builder
	for {
		line, err := lines.ReadString('\n')
		output.WriteString(line)
		switch {
		case strings.HasPrefix(line, "ready"), strings.HasPrefix(line, "Listening"),
			strings.Contains(line, ": listening on "), strings.Contains(line, ": Warmup stage"),
			strings.Contains(line, "starting IPv4 listener on"),
			strings.Contains(line, "receiving on") && strings.Contains(line, ":"+port):
			return nil
		case err != nil:
			return fmt.Errorf("%w; output: %q", err, output.String())
		}
	}
}

// end kills the process and its children.
func (p *process) end() {
	if p.scraper != nil {
		p.scraper.end()
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.cmd.Wait()
}

func freePort() (string, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return "", err
	}
	defer c.Close()
	return strconv.Itoa(c.LocalAddr().(*net.UDPAddr).Port), nil
}

func freeTCPPort() (string, error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// cpu returns the CPU time that all threads of the process have used so far.
func (p *process) cpu() (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // the thread has exited
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory returns the maximum resident set size so far, in MiB.
func (p *process) memory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0, err
	}
	return kib / 1024, nil
}

// command runs a program and shows its output on standard error.
func command(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
