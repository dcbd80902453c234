package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/handover"
)

// upgradeFlags decide how a server is replaced by a new process.
type upgradeFlags struct {
	on      string // USR2, HUP or none
	given   bool   // on is not the default
	pidFile string
}

func (f *upgradeFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.on, "upgrade-on", "USR2",
		"start the new version of the program on `SIGNAL`: USR2, HUP or none (Linux)")
	flags.StringVar(&f.pidFile, "pid-file", "",
		"write the process ID to `FILE`, and remove it at the end")
}

// check returns an error if the flags are wrong. reloads reports whether SIGHUP reads files again.
func (f *upgradeFlags) check(reloads bool) error {
	switch f.on {
	case "none":
		return nil
	case "USR2", "HUP":
	default:
		return usage("use USR2, HUP or none", "--upgrade-on %q is not a signal for upgrades", f.on)
	}
	if f.given && upgradeSignal == nil {
		return usage("leave it out, or use none", "--upgrade-on %s needs Linux", f.on)
	}
	if f.on == "HUP" && reloads {
		return usage("use --upgrade-on USR2",
			"--upgrade-on HUP conflicts with --allow and --deny @FILE, which SIGHUP reads again")
	}
	return nil
}

// An upgrade starts successors of a server on a signal.
type upgrade struct {
	app      *app
	program  handover.Program
	requests chan os.Signal // receives the signals that request an upgrade
	done     bool           // a successor is ready, and the PID file belongs to it
}

// newUpgrade begins to receive the signal, so that it does not end the process while it starts.
func (a *app) newUpgrade(f *upgradeFlags) (*upgrade, error) {
	up := &upgrade{app: a, requests: make(chan os.Signal, 1)}
	if f.on == "none" || upgradeSignal == nil {
		return up, nil
	}
	program, err := handover.Self()
	if err != nil {
		return nil, &failure{what: "cannot find the path of this program: " + err.Error(),
			hint: "--upgrade-on none serves without upgrades", code: exitFail}
	}
	up.program = program
	if f.on == "HUP" {
		a.onHangup = up.request
		return up, nil
	}
	signal.Notify(up.requests, upgradeSignal)
	return up, nil
}

// request requests an upgrade, unless one is pending.
func (u *upgrade) request() {
	select {
	case u.requests <- upgradeSignal:
	default:
	}
}

// stop ignores later signals, which must not end the process before it has printed its summary.
func (u *upgrade) stop() {
	if u.program.Path != "" {
		signal.Ignore(upgradeSignal)
	}
}

// start starts a successor that serves the sockets of srv and listeners, and reports whether it is
// ready. If it is not, start prints the reason. If ctx is done, it prints nothing.
func (u *upgrade) start(
	ctx context.Context, srv *ohce.Server, listeners func() ([]*os.File, error),
) bool {
	files, err := srv.Files()
	if errors.Is(err, ohce.ErrServerClosed) {
		return false
	}
	if err == nil {
		var more []*os.File
		if more, err = listeners(); err != nil {
			closeFiles(files)
		}
		files = append(files, more...)
	}
	pid := 0
	if err == nil {
		pid, err = u.program.Start(ctx, files...)
	}
	switch {
	case err == nil:
		fmt.Fprintf(u.app.log, "Upgraded: process %d continues\n", pid)
	case ctx.Err() == nil:
		text := fmt.Sprintf("ohce: upgrade failed: %v; this process continues\n", rootCause(err))
		if errors.Is(err, fs.ErrPermission) {
			text += "hint: the new program must be in the directory of the old one, unless " +
				"--sandbox is off, and the user must have the right to start it\n"
		}
		io.WriteString(u.app.log, text)
	}
	u.done = err == nil
	return u.done
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
