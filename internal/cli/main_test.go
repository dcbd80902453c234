package cli

import (
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ohce/ohce/internal/sandbox"
	"github.com/ohce/ohce/internal/testsize"
)

// testCommands are the commands that the test binary runs if it is called by their names.
var testCommands = map[string]func(){
	"ohce":        func() { os.Exit(Main()) },
	"ohce-stderr": func() { os.Exit(catTo(os.Stderr)) },
	"ohce-stdout": func() { os.Exit(catTo(os.Stdout)) },
	"ohce-limits": func() { os.Exit(runWithLimits()) },
}

func TestMain(m *testing.M) {
	testsize.RunInParallel()
	testscript.Main(m, testCommands)
}

// catTo copies a file to a standard stream, so that a script can check it with stdout or stderr.
func catTo(w io.Writer) int {
	f, err := os.Open(os.Args[1])
	if err != nil {
		return exitFail
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return exitFail
	}
	return exitOK
}

// runWithLimits enters a sandbox and then runs the command "ohce ARGS...", for which Landlock is
// unavailable because it cannot list its threads in /proc.
func runWithLimits() int {
	self, err := os.Executable()
	if err != nil {
		return exitFail
	}
	if _, err := sandbox.Enter(&sandbox.Policy{Restrict: true, Program: self}); err != nil {
		return exitFail
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Args[0] = "ohce"
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		return exitFail
	}
	return cmd.ProcessState.ExitCode()
}
