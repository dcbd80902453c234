package cli

import (
	"io"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// If the test binary is called as ohce, it is the command.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ohce":        func() { os.Exit(Main()) },
		"ohce-stderr": func() { os.Exit(catToStderr()) },
	})
}

// catToStderr copies a file to standard error, so that a script can check it with stderr.
func catToStderr() int {
	f, err := os.Open(os.Args[1])
	if err != nil {
		return exitFail
	}
	defer f.Close()
	if _, err := io.Copy(os.Stderr, f); err != nil {
		return exitFail
	}
	return exitOK
}
