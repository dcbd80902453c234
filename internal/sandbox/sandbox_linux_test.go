package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

const (
	// helperEnv makes the test binary a process that enters a sandbox. It is the directory of the
	// files that the process tries to open.
	helperEnv = "OHCE_SANDBOX_HELPER"
	// noProgramEnv makes the policy of the helper one without a program.
	noProgramEnv = "OHCE_SANDBOX_NO_PROGRAM"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		os.Exit(helper(dir))
	}
	os.Exit(m.Run())
}

// attempts are the operations that the helper tries in the sandbox.
func attempts(dir string) []attempt {
	open := func(name string, flag int) func() error {
		return func() error {
			f, err := os.OpenFile(filepath.Join(dir, name), flag, 0o600)
			f.Close()
			return err
		}
	}
	socket := func(domain, kind, protocol int) func() error {
		return func() error {
			fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
			unix.Close(fd)
			return err
		}
	}
	tcp := func(do func(fd int, addr unix.Sockaddr) error) func() error {
		return func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return do(fd, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}})
		}
	}
	call := func(number uintptr, args ...uintptr) func() error {
		args = append(args, 0, 0, 0)
		return func() error {
			if _, _, errno := unix.Syscall(number, args[0], args[1], args[2]); errno != 0 {
				return errno
			}
			return nil
		}
	}
	return []attempt{
		{"read a listed file", nil, open("read/list.txt", os.O_RDONLY)},
		{"read a new file beside it", nil, open("read/new.txt", os.O_RDONLY)},
		{"write a listed file", unix.EACCES, open("read/list.txt", os.O_WRONLY)},
		{"create a file beside it", unix.EACCES, open("read/other.txt", os.O_WRONLY|os.O_CREATE)},
		{"read another file", unix.EACCES, open("secret/key.txt", os.O_RDONLY)},
		{"read the environment of another process", fs.ErrPermission, func() error {
			_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", os.Getppid()))
			return err
		}},
		{"read through a link", unix.EACCES, open("read/link.txt", os.O_RDONLY)},
		{"replace a file", nil, func() error {
			name := filepath.Join(dir, "run/pid")
			return errors.Join(os.WriteFile(name+".new", nil, 0o600), os.Rename(name+".new", name),
				os.Remove(name))
		}},
		{"remove another file", unix.EACCES, func() error {
			return os.Remove(filepath.Join(dir, "secret/key.txt"))
		}},
		{"start the own program", startError(), func() error {
			cmd := exec.Command("/proc/self/exe", "-test.list=^$")
			cmd.Env = []string{"PATH="}
			return cmd.Run()
		}},
		{"start another program", fs.ErrPermission, func() error {
			return exec.Command("/bin/true").Run()
		}},
		{"create an IPv4 socket", nil, socket(unix.AF_INET, unix.SOCK_DGRAM, 0)},
		{"create an IPv6 socket", nil, socket(unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP)},
		{"create a Unix socket", nil, socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)},
		{"list interfaces", nil, socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)},
		{"create a netfilter socket", unix.EPERM,
			socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)},
		{"create a raw socket", unix.EPERM, socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)},
		{"create a packet socket", unix.EPERM, socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)},
		{"create a crypto socket", unix.EPERM, socket(unix.AF_ALG, unix.SOCK_DGRAM, 0)},
		{"create a VM socket", unix.EPERM, socket(unix.AF_VSOCK, unix.SOCK_DGRAM, 0)},
		{"create a multipath TCP socket", unix.EPERM,
			socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)},
		{"hide the protocol in 64 bits", unix.EPERM,
			call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 1<<32|unix.IPPROTO_MPTCP)},
		{"connect to a TCP port", unix.EACCES, tcp(unix.Connect)},
		{"bind to a TCP port", unix.EACCES, tcp(unix.Bind)},
		{"create a namespace", unix.EPERM, call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER)},
		{"clone into a namespace", unix.EPERM, call(unix.SYS_CLONE, unix.CLONE_NEWNET)},
		{"clone with flags in memory", unix.ENOSYS, call(unix.SYS_CLONE3)},
		{"trace", unix.EPERM, call(unix.SYS_PTRACE, unix.PTRACE_TRACEME)},
		{"load a BPF program", unix.EPERM, call(unix.SYS_BPF)},
		{"use io_uring", unix.EPERM, call(unix.SYS_IO_URING_SETUP)},
		{"add a key", unix.EPERM, call(unix.SYS_KEYCTL)},
		{"change the user", unix.EPERM, call(unix.SYS_SETUID, uintptr(os.Getuid()))},
		{"type into a terminal", unix.EPERM, call(unix.SYS_IOCTL, 0, unix.TIOCSTI)},
	}
}

// startError returns the error of starting the program of the policy.
func startError() error {
	if os.Getenv(noProgramEnv) != "" {
		return unix.EPERM
	}
	return nil
}

// An attempt is an operation with the error that it should have.
type attempt struct {
	name string
	want error
	try  func() error
}

// policy returns the policy of the helper.
func policy(dir string) *Policy {
	self, _ := os.Executable()
	if startError() != nil {
		self = ""
	}
	return &Policy{
		Restrict: true, Program: self, ReadAgain: []string{filepath.Join(dir, "read/list.txt")},
		Replace: []string{filepath.Join(dir, "run/pid")},
	}
}

// helper enters the sandbox, prints the layers and each attempt with an unexpected result, and
// waits for the end of standard input.
func helper(dir string) int {
	stop := make(chan struct{})
	defer close(stop)
	for range 3 { // more threads
		go func() {
			syscall.Syscall(syscall.SYS_GETTID, 0, 0, 0)
			<-stop
		}()
	}
	layers, err := Enter(policy(dir))
	fmt.Println(layers, err)
	abi, _ := llsyscall.LandlockGetABIVersion()
	for _, a := range attempts(dir) {
		if abi < 4 && strings.Contains(a.name, " TCP port") { // Landlock restricts no TCP
			continue
		}
		if err := a.try(); !errors.Is(err, a.want) {
			fmt.Printf("%s: %v, want %v\n", a.name, err, a.want)
		}
	}
	p := policy(dir)
	p.Successor = true
	layers, err = Enter(p)
	fmt.Println(layers, err)
	fmt.Println("end")
	io.Copy(io.Discard, os.Stdin)
	return 0
}

// TestEnter starts a process that enters a sandbox. It checks which operations succeed, and the
// state of each thread.
func TestEnter(t *testing.T) {
	t.Run("with a program", testEnter)
	t.Run("without", func(t *testing.T) {
		t.Setenv(noProgramEnv, "1")
		testEnter(t)
	})
}

func testEnter(t *testing.T) {
	if _, err := llsyscall.LandlockGetABIVersion(); err != nil && os.Getenv("CI") == "" {
		t.Skip("the kernel has no Landlock: ", err)
	}
	dir := t.TempDir()
	for _, name := range []string{"read/list.txt", "read/new.txt", "secret/key.txt", "run/pid"} {
		name = filepath.Join(dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, nil, 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret/key.txt", filepath.Join(dir, "read/link.txt")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() }).Stop()
	var lines []string
	for s := bufio.NewScanner(out); s.Scan() && s.Text() != "end"; {
		lines = append(lines, s.Text())
	}
	checkLayers(t, lines)
	checkThreads(t, cmd.Process.Pid)
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// checkLayers checks that all layers are on, that the second policy has left them as they are, and
// that there are no other lines.
func checkLayers(t *testing.T, lines []string) {
	t.Helper()
	text := strings.Join(lines, "\n")
	if len(lines) != 2 || strings.Contains(text, "unavailable") ||
		strings.Contains(lines[0], inherited) || strings.Count(lines[1], inherited) != 2 {
		t.Errorf("the process in the sandbox prints:\n%s", text)
	}
}

// checkThreads checks that every thread of a process has a filter and no new privileges.
func checkThreads(t *testing.T, pid int) {
	t.Helper()
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(names) < 2 {
		t.Fatalf("%d threads, %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		for _, want := range []string{"\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %q: %v", name, want, err)
			}
		}
	}
}

// TestLayersMissing checks the text of layers, and which of them count as missing.
func TestLayersMissing(t *testing.T) {
	layers := []Layer{
		newLayer("user", "daemon", nil), {Name: "first"}, newLayer("Landlock", "", unix.ENOSYS),
		newLayer("seccomp", "", unix.EPERM),
	}
	const want = "[user on (daemon) first off Landlock unavailable (function not implemented) " +
		"seccomp unavailable (operation not permitted)]"
	if got := fmt.Sprint(layers); got != want {
		t.Errorf("layers %s, want %s", got, want)
	}
	if err := Missing(layers); !errors.Is(err, unix.ENOSYS) || !errors.Is(err, unix.EPERM) {
		t.Errorf("missing: %v", err)
	}
	if err := Missing(layers[:2]); err != nil {
		t.Errorf("missing: %v, want none", err)
	}
}
