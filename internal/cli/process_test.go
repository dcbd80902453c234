package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is the time limit of each wait for a process to make progress.
const patience = 20 * time.Second

// command returns the command "ohce ARGS...", which this test binary runs.
func command(args ...string) *exec.Cmd {
	return &exec.Cmd{Path: os.Args[0], Args: append([]string{"ohce"}, args...), Env: os.Environ()}
}

// A process is a running "ohce serve", "ohce link" or another command that listens.
type process struct {
	cmd   *exec.Cmd
	addrs []string // its listening addresses
	api   string   // the address of a link's API

	mu    sync.Mutex
	text  strings.Builder // standard error
	ended chan struct{}   // closed at the end of standard error
	once  sync.Once
}

// startServer starts "ohce serve ARGS..." and waits until it listens. env extends the
// environment.
func startServer(args []string, env ...string) (*process, error) {
	want := max(1, strings.Count(strings.Join(args, "\n")+"\n", "--listen\n"))
	return startProcess(want, append([]string{"serve"}, args...), env...)
}

// startLink starts "ohce link ARGS..." with its API and waits until both listen.
func startLink(args []string) (*process, error) {
	p, err := startProcess(2, append([]string{"link"}, args...))
	if err == nil {
		p.addrs, p.api = p.addrs[:1], p.addrs[1]
	}
	return p, err
}

// startProcess starts a command and waits until it has printed want addresses.
func startProcess(want int, args []string, env ...string) (*process, error) {
	p := &process{cmd: command(args...)}
	p.cmd.Env = append(p.cmd.Env, env...)
	if err := p.start(want); err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return p, nil
}

// start starts the command and waits until it has printed want addresses.
func (p *process) start(want int) error {
	p.ended = make(chan struct{})
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	listening := make(chan string)
	go func() { // ends with the process; p.ended tells
		defer close(p.ended)
		in := bufio.NewScanner(stderr)
		for n := 0; in.Scan(); {
			p.mu.Lock()
			p.text.WriteString(in.Text() + "\n")
			p.mu.Unlock()
			if addr := printedAddress(in.Text()); addr != "" && n < want {
				listening <- addr
				n++
			}
		}
	}()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for range want {
		select {
		case addr := <-listening:
			p.addrs = append(p.addrs, addr)
		case <-p.ended:
			return fmt.Errorf("the process ended: %w\n%s", p.cmd.Wait(), p.stderr())
		case <-timeout.C:
			p.kill()
			return fmt.Errorf("the process does not listen: %s", p.stderr())
		}
	}
	return nil
}

// printedAddress returns the listening address in a line of standard error, or "".
func printedAddress(line string) string {
	if addr, ok := strings.CutPrefix(line, "Listening to "); ok {
		addr, _, _ = strings.Cut(addr, " ")
		return addr
	}
	if _, rest, ok := strings.Cut(line, ": listening on "); ok {
		addr, _, _ := strings.Cut(rest, ",")
		return addr
	}
	if url, ok := strings.CutPrefix(line, "Lab: http://"); ok {
		addr, _, _ := strings.Cut(url, "/")
		return addr
	}
	if url, ok := strings.CutPrefix(line, "API: http://"); ok {
		return strings.TrimSuffix(url, "/links")
	}
	return ""
}

// await waits until standard error contains text.
func (p *process) await(text string) error { return p.awaitTimes(text, 1) }

// awaitTimes waits until standard error contains text n times.
func (p *process) awaitTimes(text string, n int) error {
	deadline := time.Now().Add(patience)
	for strings.Count(p.stderr(), text) < n {
		if time.Now().After(deadline) {
			return fmt.Errorf("standard error has no %q: %s", text, p.stderr())
		}
		select {
		case <-p.ended:
			return fmt.Errorf("the process ended: %s", p.stderr())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// stop calls stopWith with SIGTERM.
func (p *process) stop() (string, error) { return p.stopWith(syscall.SIGTERM) }

// stopWith sends a signal, waits until the process ends and returns its standard error. The error is
// not nil if the exit code is not 0.
func (p *process) stopWith(sig os.Signal) (string, error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("a process on Windows receives no signals")
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		return "", err
	}
	return p.wait()
}

func (p *process) wait() (string, error) {
	killer := time.AfterFunc(patience, p.kill)
	defer killer.Stop()
	<-p.ended
	err := p.cmd.Wait()
	p.once.Do(func() {})
	return p.stderr(), err
}

// kill kills the process, unless it has ended.
func (p *process) kill() {
	p.once.Do(func() {
		p.cmd.Process.Kill()
		<-p.ended
		p.cmd.Wait()
	})
}
