package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
)

// systemdAnalyze returns the path of systemd-analyze.
func systemdAnalyze(t *testing.T) string {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return analyze
}

// TestSystemdUnits checks the units with systemd-analyze, with this test binary as the server.
func TestSystemdUnits(t *testing.T) {
	analyze := systemdAnalyze(t)
	self, err := exec.LookPath("ohce")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"ohce.service", "ohce.socket"} {
		text, err := os.ReadFile(filepath.Join("../../deploy/systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		unit := strings.ReplaceAll(string(text), "/usr/local/bin/ohce", self)
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[len(files)-1], []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"verify", "--man=no"}, files...)
	out, err := exec.Command(analyze, args...).CombinedOutput()
	if text := aboutOurUnits(string(out)); err != nil || text != "" {
		t.Errorf("systemd-analyze verify: %v: %s", err, text)
	}
	// The threshold is ten times the score in the documentation.
	args = []string{"security", "--offline=true", "--threshold=12", files[0]}
	out, err = exec.Command(analyze, args...).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v: %s", err, out)
	}
}

// aboutOurUnits removes the warnings about units that packages of the system have installed, such as
// that of irtt. systemd-analyze loads these, too.
func aboutOurUnits(output string) string {
	installed := func(line string) bool {
		path := strings.TrimPrefix(line, "/usr")
		return strings.HasPrefix(path, "/lib/systemd/") || strings.HasPrefix(path, "/etc/systemd/")
	}
	lines := slices.DeleteFunc(strings.SplitAfter(output, "\n"), installed)
	return strings.Join(lines, "")
}

// TestSystemdUnitPermitsSandbox starts a server with the system call filter of the unit. All layers
// of its sandbox must be available, and an upgrade must work.
func TestSystemdUnitPermitsSandbox(t *testing.T) {
	analyze := systemdAnalyze(t)
	names := unitSyscalls(t, analyze)
	if len(names) < 150 || slices.Contains(names, "reboot") {
		t.Fatalf("the unit permits %d system calls: %v", len(names), names)
	}
	pidFile := filepath.Join(t.TempDir(), "ohce.pid")
	cmd := command("--listen", "127.0.0.1:0", "--sandbox", "require", "--pid-file", pidFile)
	cmd.Args[0] = "ohce-filter"
	cmd.Env = append(cmd.Env, filterEnv+"="+strings.Join(names, " "))
	u := &upgradable{t: t, pidFile: pidFile, process: &process{cmd: cmd}}
	if err := u.start(1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.killAll)
	u.pid = u.awaitPID("")
	u.upgrade(syscall.SIGUSR2)
	u.finish()
	if n := strings.Count(u.stderr(), "Sandbox: user off, no new privileges on, Landlock on"); n != 2 {
		t.Errorf("%d of 2 servers have a sandbox: %s", n, u.stderr())
	}
}

// unitSyscalls returns the system calls that SystemCallFilter= in the unit permits. A line that
// begins with ~ removes calls.
func unitSyscalls(t *testing.T, analyze string) (names []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/systemd/ohce.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		list, ok := strings.CutPrefix(line, "SystemCallFilter=")
		if !ok {
			continue
		}
		list, remove := strings.CutPrefix(list, "~")
		for _, item := range strings.Fields(list) {
			for _, name := range expandSyscalls(t, analyze, item) {
				names = slices.DeleteFunc(names, func(n string) bool { return n == name })
				if !remove {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// expandSyscalls returns the calls of a set such as @system-service, or a name itself.
func expandSyscalls(t *testing.T, analyze, item string) (names []string) {
	t.Helper()
	if !strings.HasPrefix(item, "@") {
		return []string{item}
	}
	out, err := exec.Command(analyze, "syscall-filter", item).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		member := strings.TrimSpace(line)
		if strings.HasPrefix(line, "    ") && !strings.HasPrefix(member, "#") {
			names = append(names, expandSyscalls(t, analyze, member)...)
		}
	}
	return names
}

// filterEnv lists the system calls of the command "ohce-filter".
const filterEnv = "OHCE_TEST_SYSCALLS"

func init() { testCommands["ohce-filter"] = func() { os.Exit(serveWithFilter()) } }

// serveWithFilter replaces the process by "ohce serve ARGS...", which can make only the calls in
// filterEnv.
func serveWithFilter() int {
	info, err := arch.GetInfo("")
	if err != nil {
		return exitFail
	}
	names := slices.DeleteFunc(strings.Fields(os.Getenv(filterEnv)), func(name string) bool {
		_, known := info.SyscallNames[name]
		return !known
	})
	if err := seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls:      []seccomp.SyscallGroup{{Action: seccomp.ActionAllow, Names: names}},
		},
	}); err != nil {
		return exitFail
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, append([]string{"ohce", "serve"}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	return exitFail
}
