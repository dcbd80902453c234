package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// serverCore and loadCore are the processors that the two sides are pinned to.
const (
	serverCore = "0"
	loadCore   = "1"
)

// A contender is a server program. In args, PORT stands for the port and DIR for the build's folder.
// It says that it is bound on standard output, or on standard error.
type contender struct {
	name   string
	args   []string
	stderr bool
}

var contenders = []contender{
	{"C, batches (the limit)", []string{"DIR/batch", "PORT"}, false},
	{"C, one a call", []string{"DIR/batch", "PORT", "1"}, false},
	{"C, GRO and GSO (the limit)", []string{"DIR/gso", "PORT"}, false},
	{"ohce", []string{"DIR/ohce", "serve", "--log", "none", "--listen", "127.0.0.1:PORT"}, true},
	{"ohce --spin", []string{"DIR/ohce", "serve", "--log", "none", "--spin", "100us", "--listen",
		"127.0.0.1:PORT"}, true},
	{"plain Go", []string{"DIR/server", "plain", "PORT"}, false},
	{"x/net batches", []string{"DIR/server", "xnet", "PORT"}, false},
	{"gnet 2.9.7", []string{"DIR/server", "gnet", "PORT"}, false},
	{"Python, the seed's steps", []string{"python3", "python/server.py", "PORT"}, false},
}

// A process is a contender that runs.
type process struct {
	cmd  *exec.Cmd
	port string
}

// start starts a contender on a free port and waits until it says that it is bound.
func (c contender) start(dir string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-c", serverCore}
	for _, a := range c.args {
		a = strings.ReplaceAll(a, "PORT", port)
		args = append(args, strings.Replace(a, "DIR", filepath.ToSlash(dir), 1))
	}
	cmd := exec.Command("taskset", args...)
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if c.stderr {
		cmd.Stderr = w
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	p := &process{cmd: cmd, port: port}
	w.Close()
	ready := make(chan error, 1)
	go func() { // ends with the process
		defer out.Close()
		lines := bufio.NewReader(out)
		line, err := lines.ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "ready") && !strings.HasPrefix(line, "Listening") {
			err = fmt.Errorf("it says %q", strings.TrimSpace(line))
		}
		ready <- err
		io.Copy(io.Discard, lines)
	}()
	select {
	case err = <-ready:
	case <-time.After(10 * time.Second):
		err = errors.New("it does not become ready")
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return p, nil
}

func (p *process) end() {
	p.cmd.Process.Kill()
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

// cpu is the processor time that the process has used so far, over all its threads.
func (p *process) cpu() (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // the thread has ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory is the largest resident set so far, in MiB.
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

func command(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
