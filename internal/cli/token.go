package cli

import (
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/internal/safetext"
)

// A tokenFile is the value of a flag that names the file of the API's token.
type tokenFile struct {
	flag string
	path string // if empty, there is no token
}

// read returns the token, or "" without a file. exposed reports whether every user of the machine
// can read the file.
func (f *tokenFile) read() (token string, exposed bool, err error) {
	if f.path == "" {
		return "", false, nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return "", false, f.usage(pathCause(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", false, f.usage(pathCause(err))
	}
	data, err := io.ReadAll(io.LimitReader(file, 2*linkapi.MaxToken))
	if err != nil {
		return "", false, f.usage(pathCause(err))
	}
	if token, err = linkapi.ParseToken(data); err != nil {
		return "", false, f.usage(err)
	}
	mode := info.Mode()
	exposed = runtime.GOOS != "windows" && mode.IsRegular() && mode.Perm()&0o004 != 0
	return token, exposed, nil
}

func (f *tokenFile) usage(err error) error {
	return usage("create a token with: (umask 077; openssl rand -hex 32 >FILE)", "--%s %s: %v", f.flag,
		safetext.Escape(f.path), err)
}

// readToken returns the token in f. It warns if every user of the machine can read it.
func (a *app) readToken(f *tokenFile) (string, error) {
	token, exposed, err := f.read()
	if exposed {
		fmt.Fprintf(a.err, "%s every user can read the token in %s; to change that: chmod o= FILE\n",
			a.styleFor(a.err).bold("ohce:"), safetext.Escape(f.path))
	}
	return token, err
}
