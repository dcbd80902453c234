package cli

import (
	"io"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is also the command, when it is called by its name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ohce":        func() { os.Exit(Main()) },
		"ohce-stderr": func() { os.Exit(catToStderr()) },
	})
}

// catToStderr copies a file to standard error, so that a script can look at it as it looks at what
// the command writes there.
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
