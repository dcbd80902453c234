package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ohce/ohce/internal/loopback"
)

// scriptRetry is the schedule of "ohce send" in a script without --retry: one attempt, so that
// counters and diagrams do not depend on the speed of the machine.
const scriptRetry = "20s"

func TestScripts(t *testing.T) {
	t.Parallel() // with the other parallel tests, not only among the scripts
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values[serversKey{}] = make(map[string]*process)
			env.Setenv("OHCE_RETRY", scriptRetry)
			return os.WriteFile(env.Cd+"/latin1", []byte{0xe9, '\n'}, 0o600)
		},
		Condition: scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":   scriptServer,
			"link":     scriptLink,
			"exporter": scriptExporter,
			"fetch":    scriptFetch,
			"lab":      scriptLab,
			"get":      scriptGet,
			"end":      scriptStop,
			"hangup":   scriptHangup,
			"status":   scriptStatus,
			"lines":    scriptLines,
			"long":     scriptLong,
			"dead":     scriptDead,
			"free":     scriptFree,
			"silent":   scriptSilent,
		},
	})
}

// The testscript command "stop" would end a script early and let it pass.
func TestScriptsRunToTheirEnd(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if line == "stop" || strings.HasPrefix(line, "stop ") {
				t.Errorf("%s:%d: the script ends here; to end a process, write end", name, i+1)
			}
		}
	}
}

// scriptCondition reports whether the condition [portable] holds: ohce was built with ohce_portable.
func scriptCondition(name string) (bool, error) {
	if name != "portable" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "-tags" && strings.Contains(s.Value, "ohce_portable")
	}), nil
}

// serversKey is the key of a script's servers by name.
type serversKey struct{}

func servers(ts *testscript.TestScript) map[string]*process {
	return ts.Value(serversKey{}).(map[string]*process)
}

// setAddress sets $NAME to an address and $NAME_PORT to its port.
func setAddress(ts *testscript.TestScript, name, addr string) {
	_, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	ts.Setenv(name, addr)
	ts.Setenv(name+"_PORT", port)
}

// scriptServer starts "ohce serve" on a free port: server NAME [FLAGS...]. $NAME is its address,
// $NAME_PORT the port of that.
func scriptServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: server NAME [FLAGS...]")
	}
	flags := args[1:]
	if !slices.Contains(flags, "--listen") {
		flags = append([]string{"--listen", "127.0.0.1:0"}, flags...)
	}
	p, err := startServer(flags, "OHCE_TRANSFORM="+ts.Getenv("OHCE_TRANSFORM"))
	ts.Check(err)
	ts.Defer(p.kill)
	setAddress(ts, args[0], p.addrs[0])
	servers(ts)[args[0]] = p
}

// scriptLink starts "ohce link" on free ports: link NAME [FLAGS...]. $NAME is its address,
// $NAME_API that of its API, $NAME_API_PORT the port of that.
func scriptLink(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: link NAME [FLAGS...]")
	}
	p, err := startLink(append([]string{"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"}, args[1:]...))
	ts.Check(err)
	ts.Defer(p.kill)
	ts.Setenv(args[0], p.addrs[0])
	setAddress(ts, args[0]+"_API", p.api)
	servers(ts)[args[0]] = p
}

// scriptExporter starts "ohce exporter" on a free port: exporter NAME [FLAGS...]. $NAME is its URL.
// A file is relative to the directory of the script.
func scriptExporter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exporter NAME [FLAGS...]")
	}
	flags := append([]string{"exporter", "--listen", "127.0.0.1:0"}, args[1:]...)
	for i, flag := range flags {
		if strings.HasSuffix(flag, ".yml") {
			flags[i] = ts.MkAbs(flag)
		}
	}
	p, err := startProcess(1, flags)
	ts.Check(err)
	ts.Defer(p.kill)
	ts.Setenv(args[0], "http://"+p.addrs[0])
	servers(ts)[args[0]] = p
}

// scriptFetch makes a request of HTTP, whose response must have a status: fetch STATUS [-X METHOD] URL.
// Afterwards stdout is the body.
func scriptFetch(ts *testscript.TestScript, neg bool, args []string) {
	method := http.MethodGet
	if len(args) == 4 && args[1] == "-X" {
		method, args = args[2], []string{args[0], args[3]}
	}
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fetch STATUS [-X METHOD] URL")
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequest(method, args[1], nil)
	ts.Check(err)
	response, err := client.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("body"), body, 0o600))
	ts.Check(ts.Exec("ohce-stdout", ts.MkAbs("body")))
	if got := strconv.Itoa(response.StatusCode); got != args[0] {
		ts.Fatalf("%s %.200s: status %s, want %s", method, args[1], got, args[0])
	}
}

// scriptLab starts a command that serves the lab: lab NAME COMMAND [FLAGS...]. $NAME is its address, and
// $NAME_PORT the port of that.
func scriptLab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: lab NAME COMMAND [FLAGS...]")
	}
	p, err := startProcess(1, args[1:])
	ts.Check(err)
	ts.Defer(p.kill)
	setAddress(ts, args[0], p.addrs[0])
	servers(ts)[args[0]] = p
}

// scriptGet requests a page and writes status, headers and body to a file: get FILE URL [HOST]. HOST
// replaces the Host header.
func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: get FILE URL [HOST]")
	}
	request, err := http.NewRequest(http.MethodGet, args[1], nil)
	ts.Check(err)
	if len(args) == 3 {
		request.Host = args[2]
	}
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	text, err := httputil.DumpResponse(response, true)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// scriptStop ends a process with SIGTERM or, with the argument HUP, with SIGHUP: end NAME [HUP].
// Afterwards stderr is the standard error of the process. Its exit code must be 0.
func scriptStop(ts *testscript.TestScript, neg bool, args []string) {
	sig := syscall.SIGTERM
	switch {
	case !neg && len(args) == 1:
	case !neg && len(args) == 2 && args[1] == "HUP":
		sig = syscall.SIGHUP
	default:
		ts.Fatalf("usage: end NAME [HUP]")
	}
	text, err := servers(ts)[args[0]].stopWith(sig)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("server.log"), []byte(text), 0o600))
	ts.Check(ts.Exec("ohce-stderr", ts.MkAbs("server.log")))
}

// scriptHangup sends SIGHUP to a process and waits until its standard error has a text: hangup NAME
// TEXT.
func scriptHangup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hangup NAME TEXT")
	}
	p := servers(ts)[args[0]]
	before := strings.Count(p.stderr(), args[1])
	ts.Check(p.cmd.Process.Signal(syscall.SIGHUP))
	ts.Check(p.awaitTimes(args[1], before+1))
}

// scriptStatus runs a command that must end with an exit code, or one of several:
// status CODE[|CODE...] COMMAND [ARGS...].
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND [ARGS...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if !slices.Contains(strings.Split(args[0], "|"), strconv.Itoa(code)) {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// scriptLines counts the lines of a file or of the last output: lines FILE N.
func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], n, args[1])
	}
}

// scriptLong makes a message of many bytes: long NAME N. $NAME holds it, and long.txt has it
// between the lines "before" and "after".
func scriptLong(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: long NAME N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := strings.Repeat("x", n)
	ts.Setenv(args[0], text)
	ts.Check(os.WriteFile(ts.MkAbs("long.txt"), []byte("before\n"+text+"\nafter\n"), 0o600))
}

// scriptDead sets a variable to a loopback address without a server: dead NAME.
func scriptDead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: dead NAME")
	}
	pc, err := loopback.ClosedPort()
	ts.Check(err)
	ts.Defer(func() { pc.Close() })
	ts.Setenv(args[0], pc.LocalAddr().String())
}

// scriptFree sets a variable to a loopback address that a server can listen on: free NAME. $NAME_PORT
// is its port.
func scriptFree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: free NAME")
	}
	addr, err := loopback.FreeAddr()
	ts.Check(err)
	ts.Setenv(args[0], addr.String())
	ts.Setenv(args[0]+"_PORT", strconv.Itoa(int(addr.Port())))
}

// scriptSilent sets a variable to a loopback address whose server never answers: silent NAME.
func scriptSilent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: silent NAME")
	}
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { pc.Close() })
	ts.Setenv(args[0], pc.LocalAddr().String())
}
