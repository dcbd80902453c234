package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Start starts the program as the successor of this process, passes files to it, and waits until it
// is ready. It returns the process ID. The successor also inherits standard input, output and
// error, the environment and the working directory, and no other descriptors. Start closes files.
//
// If the program is missing, exits, or is not ready in time, or if ctx is done, Start ends it and
// returns an error with the reason. The sockets then still belong to this process.
//
// Under systemd, the successor becomes the main process of the service (MAINPID=).
func (p Program) Start(ctx context.Context, files ...*os.File) (pid int, err error) {
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	// An error of the notification must not prevent the upgrade.
	_ = send(reloading())
	pid, err = p.start(ctx, files)
	if err != nil {
		_ = Notify("READY=1")
		return 0, err
	}
	_ = Notify("MAINPID="+strconv.Itoa(pid), "READY=1")
	return pid, nil
}

func (p Program) start(ctx context.Context, files []*os.File) (int, error) {
	ready, readyOfChild, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer ready.Close()
	inherited := slices.Concat([]*os.File{os.Stdin, os.Stdout, os.Stderr}, files,
		[]*os.File{readyOfChild})
	process, err := startProcess(p.Path, p.Args, successorEnv(os.Environ(), os.Getpid(), len(files)),
		inherited)
	readyOfChild.Close()
	if err != nil {
		return 0, startError(p.Path, err)
	}
	if err := p.awaitReady(ctx, ready); err != nil {
		state := end(process, err)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, p.notReady(err, state)
	}
	pid := process.Pid
	return pid, process.Release()
}

// startProcess starts a program as os.StartProcess does, but leaves the files in non-blocking mode.
// os.StartProcess makes them blocking (os.File.Fd), and the mode belongs to the socket and not to the
// descriptor: a read of this process that begins in between would never end.
func startProcess(path string, args, env []string, files []*os.File) (*os.Process, error) {
	fds := make([]uintptr, len(files))
	for i, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			return nil, err
		}
		if err := raw.Control(func(fd uintptr) { fds[i] = fd }); err != nil {
			return nil, err
		}
	}
	pid, _, err := syscall.StartProcess(path, args, &syscall.ProcAttr{Env: env, Files: fds})
	runtime.KeepAlive(files)
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// awaitReady waits until the successor has written to the ready pipe. When the successor exits, the
// kernel closes the pipe.
func (p Program) awaitReady(ctx context.Context, ready *os.File) error {
	if err := ready.SetReadDeadline(time.Now().Add(p.timeout())); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ready.SetReadDeadline(time.Unix(1, 0)) })()
	var b [1]byte
	if _, err := io.ReadFull(ready, b[:]); err != nil {
		return err
	}
	if b[0] != readyByte {
		return fmt.Errorf("unexpected byte %q in the ready pipe", b[0])
	}
	return nil
}

// exitTimeout is how long end waits for a process that has closed the ready pipe.
const exitTimeout = time.Second

// end waits until a process that has closed the ready pipe exits, and kills any other one. read is
// the error of reading the pipe. The result is nil if the state is unknown.
func end(process *os.Process, read error) *os.ProcessState {
	if errors.Is(read, io.EOF) {
		defer time.AfterFunc(exitTimeout, func() { process.Kill() }).Stop()
	} else {
		process.Kill() // an error means that it has exited
	}
	state, _ := process.Wait()
	return state
}

// startError returns the error of os.StartProcess without the name of the system call.
func startError(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("%s cannot be started: %w", path, err)
}
