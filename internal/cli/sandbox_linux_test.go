package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ohce/ohce/internal/testsize"
)

// unprivileged returns the user with the highest 16-bit ID, which owns no files.
func unprivileged(t *testing.T) *user.User {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can change the user")
	}
	u, err := user.LookupId("65534")
	if err != nil {
		t.Skip(err)
	}
	return u
}

// publicDir returns a directory that every user can read and owner can write, with a copy of this
// test binary.
func publicDir(t *testing.T, owner int) (dir, exe string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ohce-public")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	exe = filepath.Join(dir, "ohce")
	program, err := os.OpenFile(exe, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(program, self)
	err = errors.Join(err, program.Close(), os.Chmod(dir, 0o755), os.Chown(dir, owner, owner))
	if err != nil {
		t.Fatal(err)
	}
	return dir, exe
}

// privilegedPort returns an address with a free port below 1024.
func privilegedPort(t *testing.T) string {
	t.Helper()
	for port := 1023; port > 900; port-- {
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if pc, err := net.ListenPacket("udp4", addr); err == nil {
			pc.Close()
			return addr
		}
	}
	t.Fatal("no port below 1024 is free")
	return ""
}

// checkThreads checks that each thread of a process belongs to the user with the given ID only, and
// can gain no privileges.
func checkThreads(t *testing.T, pid string, id int) {
	t.Helper()
	names, err := filepath.Glob("/proc/" + pid + "/task/*/status")
	if err != nil || len(names) < 2 {
		t.Fatalf("%d threads, %v", len(names), err)
	}
	ids := strings.Repeat(fmt.Sprintf("\t%d", id), 4) + "\n"
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		for _, want := range []string{"\nUid:" + ids, "\nGid:" + ids, "\nGroups:\t \n",
			"\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n", "\nNoNewPrivs:\t1\n",
			"\nSeccomp:\t2\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %q: %v", name, want, err)
			}
		}
	}
}

// TestSandboxUser serves a port below 1024 as an unprivileged user, and upgrades the server more
// often than Landlock can restrict a process.
func TestSandboxUser(t *testing.T) {
	account := unprivileged(t)
	const id = 65534
	dir, exe := publicDir(t, id)
	u := &upgradable{t: t, dir: dir, exe: exe, pidFile: filepath.Join(dir, "ohce.pid")}
	cmd := command("serve", "--listen", privilegedPort(t), "--transform", "echo", "--log", "none",
		"--pid-file", u.pidFile, "--user", account.Username, "--sandbox", "require")
	cmd.Path, cmd.Env = exe, append(cmd.Env, "PATH="+dir+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 1, 4}}}
	u.process = &process{cmd: cmd}
	if err := u.start(1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.killAll)
	u.conn = connect(t, u.addrs[0])
	u.pid = u.awaitPID("")
	upgrades := testsize.Pick(20, 3)
	buf := make([]byte, 100)
	for i := range upgrades + 1 {
		if i > 0 {
			u.upgrade(syscall.SIGUSR2)
		}
		checkThreads(t, u.pid, id)
		if _, err := fmt.Fprintf(u.conn, "request %d", i); err != nil {
			t.Fatal(err)
		}
		if n, err := u.conn.Read(buf); err != nil || string(buf[:n]) != fmt.Sprintf("request %d", i) {
			t.Fatalf("response %q, %v", buf[:n], err)
		}
	}
	if n := u.finish(); n != upgrades+1 {
		t.Errorf("received %d requests, want %d", n, upgrades+1)
	}
	text := u.stderr()
	user := fmt.Sprintf("Sandbox: user on (%s, %d:%d", account.Username, id, id)
	const others = "), no new privileges on, Landlock on (ABI "
	first, later := user+others, user+", inherited"+others
	if strings.Count(text, first) != 1 || strings.Count(text, later) != upgrades ||
		strings.Count(text, "inherited), seccomp on (inherited)\n") != upgrades {
		t.Errorf("%d upgrades: %s", upgrades, text)
	}
}

// TestSandboxLinkUser runs a link as an unprivileged user, which creates a second link.
func TestSandboxLinkUser(t *testing.T) {
	account := unprivileged(t)
	p, err := startLink([]string{"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--user",
		account.Username, "--sandbox", "require"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	if err := p.await("Sandbox: user on (" + account.Username); err != nil {
		t.Fatal(err)
	}
	checkThreads(t, fmt.Sprint(p.cmd.Process.Pid), 65534)
	out, err := command("link", "ctl", "--api", p.api, "create", "second", "--listen", "localhost:0",
		"--to", "127.0.0.1:9").CombinedOutput()
	if err != nil {
		t.Errorf("link ctl: %v: %s", err, out)
	}
	if text, err := p.stop(); err != nil {
		t.Errorf("the link ended with %v: %s", err, text)
	}
}

// TestSandboxUpgradeRefused checks that a server does not start a program in another directory, and
// continues.
func TestSandboxUpgradeRefused(t *testing.T) {
	u := servingUpgradable(t)
	u.install("/bin/true")
	u.signal(syscall.SIGUSR2)
	for _, want := range []string{"cannot be started: permission denied",
		"hint: the new program must be in the directory of the old one"} {
		if err := u.await(want); err != nil {
			t.Error(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u.install(self)
	u.upgrade(syscall.SIGUSR2)
	u.finish()
}

// TestSandboxUserNeedsRoot checks that a server which cannot change its user does not serve.
func TestSandboxUserNeedsRoot(t *testing.T) {
	account := unprivileged(t)
	dir, exe := publicDir(t, 65534)
	cmd := command("serve", "--listen", "127.0.0.1:0", "--user", "daemon")
	cmd.Path, cmd.Dir = exe, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFail ||
		!strings.Contains(string(out), "cannot change to user daemon: operation not permitted") {
		t.Errorf("%v: %s", err, out)
	}
	cmd = command("serve", "--listen", "127.0.0.1:0", "--user", account.Username)
	cmd.Path, cmd.Dir = exe, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	p := &process{cmd: cmd}
	if err := p.start(1); err != nil {
		t.Fatal(err)
	}
	if text, err := p.stop(); err != nil || !strings.Contains(text, "Sandbox: user on") {
		t.Errorf("%v: %s", err, text)
	}
}
