package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce/internal/sandbox"
)

// sandboxFlags decide which rights a command gives up after it has bound its sockets.
type sandboxFlags struct {
	mode string // auto, require or off
	user string // NAME[:GROUP], or empty

	account *sandbox.User // the user that lookUp has found
}

// sandboxModes are the values of --sandbox.
var sandboxModes = []string{"auto", "require", "off"}

func (f *sandboxFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.user, "user", "",
		"after binding, change from root to the user `NAME[:GROUP]`, by name or ID (Linux)")
	flags.StringVar(&f.mode, "sandbox", "auto",
		"after binding, restrict access to files and system calls: `MODE` is auto (if the system "+
			"supports it), require or off")
}

// check returns an error if the mode is wrong.
func (f *sandboxFlags) check() error {
	for _, mode := range sandboxModes {
		if f.mode == mode {
			return nil
		}
	}
	return usage("use "+strings.Join(sandboxModes, ", "), "--sandbox %q is not a mode", f.mode)
}

// lookUp looks up the user. It must precede enterSandbox, which can prevent it.
func (f *sandboxFlags) lookUp(successor bool) (err error) {
	if f.user == "" {
		return nil
	}
	if f.account, err = sandbox.LookupUser(f.user, successor); err != nil {
		return usage("use a user other than root, such as ohce or ohce:ohce", "--user %s: %v",
			f.user, err)
	}
	return nil
}

// enterSandbox gives up all rights that p does not list, and prints the state of each layer to w.
func enterSandbox(w io.Writer, f *sandboxFlags, p sandbox.Policy) error {
	p.User, p.Restrict = f.account, f.mode != "off"
	layers, err := sandbox.Enter(&p)
	if err != nil {
		return &failure{what: err.Error(), code: exitFail,
			hint: "only root on Linux can change the user; leave out --user to keep the current one"}
	}
	var text []string
	for _, l := range layers {
		text = append(text, l.String())
	}
	fmt.Fprintf(w, "Sandbox: %s\n", strings.Join(text, ", "))
	if err := sandbox.Missing(layers); err != nil && f.mode == "require" {
		return &failure{what: "--sandbox require: " + strings.ReplaceAll(err.Error(), "\n", "; "),
			hint: "use --sandbox auto to serve without these layers", code: exitFail}
	}
	return nil
}

// servePolicy returns the rights that ohce serve needs to serve, to read the prefixes again and to
// start its successor.
func (a *app) servePolicy(f *serveFlags, up *upgrade) sandbox.Policy {
	p := sandbox.Policy{
		Program: up.program.Path, ReadAgain: f.admission.files(),
		NotifySocket: os.Getenv("NOTIFY_SOCKET"), Successor: a.inherited.Predecessor,
	}
	if f.upgrade.pidFile != "" {
		p.Replace = []string{f.upgrade.pidFile}
	}
	return f.http.policy(p)
}
