package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/handover"
	"github.com/ohce/ohce/telemetry"
)

// runServer binds the addresses or takes over inherited sockets, serves until a signal, and prints
// the summary.
func (a *app) runServer(
	ctx context.Context, f *serveFlags, srv *ohce.Server, log *requestLog, admission *admission,
) error {
	up, err := a.newUpgrade(&f.upgrade)
	if err != nil {
		return err
	}
	defer up.stop()
	defer srv.Close()
	ignoreBrokenPipes()
	mon := newMonitor(&f.http)
	defer mon.close()
	mon.registry.MustRegister(telemetry.NewServerCollector(srv, nil))
	srv.Handler = log.around(mon.showServer(srv, srv.Handler))
	if err := a.openSockets(ctx, f, srv, admission, mon); err != nil {
		return err
	}
	if err := enterSandbox(a.log, &f.sandbox, a.servePolicy(f, up)); err != nil {
		return err
	}
	if admission.reloads() {
		a.onHangup = func() { admission.reload(srv) }
	}
	pid, err := a.reportReady(f.upgrade.pidFile)
	if err != nil {
		return err
	}
	if a.inherited.Predecessor {
		admission.filter(srv) // the predecessor no longer needs its own
	}
	defer func() {
		if !up.done {
			pid.remove()
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go a.watchdog(ctx) // ends with ctx
	stopLog := log.start()
	mon.page.Title = joinAddrs(srv.Addrs())
	mon.start(a.log)
	err = a.serveUntilSignal(ctx, f, srv, up, mon)
	stopLog()
	mon.close()
	a.log.close(f.logFormat.end(srv.Stats(), admission.summary()))
	return err
}

// openSockets takes over inherited sockets, binds the missing addresses and sets the filter of the
// kernel. If a predecessor still reads the sockets, its filter remains.
func (a *app) openSockets(
	ctx context.Context, f *serveFlags, srv *ohce.Server, admission *admission, mon *monitor,
) error {
	in, err := handover.Inherit()
	if errors.Is(err, handover.ErrGivenUp) {
		return givenUp()
	}
	if err != nil {
		return &failure{what: "cannot take over sockets: " + err.Error(), code: exitFail,
			hint: "unset the variables LISTEN_* and HANDOVER_*: only systemd and a server that is " +
				"replaced set them"}
	}
	a.inherited = in
	if err := f.sandbox.lookUp(in.Predecessor); err != nil {
		in.Close()
		return err
	}
	if err := listenAll(ctx, srv, f, in); err != nil {
		in.Close()
		return err
	}
	if !in.Predecessor {
		admission.filter(srv)
	}
	if err := mon.open(ctx, in); err != nil {
		in.Close()
		return err
	}
	for _, addr := range srv.Addrs() {
		fmt.Fprintf(a.log, "Listening to %v\n", addr)
	}
	mon.report(a.log)
	a.closeUnused(in)
	return nil
}

// closeUnused closes the inherited sockets and listeners that no flag names.
func (a *app) closeUnused(in *handover.Inheritance) {
	for _, s := range in.Sockets {
		fmt.Fprintf(a.log, "Closing %v, which is not in --listen\n", s.Addr)
		s.Conn.Close()
	}
	for _, l := range in.Listeners {
		fmt.Fprintf(a.log, "Closing the TCP listener %v, which is not in --http\n", l.Addr)
		l.Listener.Close()
	}
	in.Sockets, in.Listeners = nil, nil
}

// givenUp returns the failure of a server whose predecessor has ended, or has waited too long.
func givenUp() error {
	return &failure{what: "the old server does not wait for this one any more", code: exitFail}
}

// reportReady writes the PID file and reports to the predecessor or to systemd that the server is
// ready. If the predecessor has given up, the PID file remains that of the predecessor.
func (a *app) reportReady(path string) (*pidFile, error) {
	pid, err := newPIDFile(path)
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("cannot write --pid-file %s: %v", path, pathCause(err)),
			hint: "use a file in a directory that the server may write", code: exitFail}
	}
	if err := a.inherited.Ready(); errors.Is(err, handover.ErrGivenUp) {
		pid.discard()
		return nil, givenUp()
	} else if err != nil {
		fmt.Fprintf(a.log, "ohce: cannot report to systemd: %v\n", err)
	}
	if err := pid.publish(); err != nil {
		fmt.Fprintf(a.log, "ohce: cannot write --pid-file %s: %v\n", path, pathCause(err))
	}
	return pid, nil
}

// watchdog reports to systemd that the server runs.
func (a *app) watchdog(ctx context.Context) {
	if err := handover.Watchdog(ctx, nil); err != nil {
		fmt.Fprintf(a.log, "ohce: %v\n", err)
	}
}

// serveUntilSignal serves until a signal, an upgrade or the end of ctx, and then ends the server. It
// returns early at a second signal, or if the server fails.
func (a *app) serveUntilSignal(
	ctx context.Context, f *serveFlags, srv *ohce.Server, up *upgrade, mon *monitor,
) error {
	first, stopFirst := a.untilSignal(ctx, false)
	defer stopFirst()
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	for {
		select {
		case err := <-served:
			return &failure{what: rootCause(err).Error(), code: exitFail}
		case <-up.requests:
			if !up.start(first, srv, mon.files) {
				continue
			}
			mon.stopServing() // the successor accepts the connections
			return endServer(first, served, srv.Release)
		case <-first.Done():
			_ = handover.Notify("STOPPING=1") // systemd does not need it
			second, stopSecond := a.untilSignal(context.Background(), true)
			defer stopSecond()
			mon.setNotReady(errDraining)
			if f.drainDelay > 0 {
				fmt.Fprintf(a.log, "Draining for %v: /readyz says that this server ends\n", f.drainDelay)
			}
			if err := drain(second, served, f.drainDelay); err != nil {
				return err
			}
			return endServer(second, served, srv.Shutdown)
		}
	}
}

// drain waits while the server serves the requests that a balancer still sends to it. It returns
// early if ctx is done, or with an error if the server fails.
func drain(ctx context.Context, served <-chan error, delay time.Duration) error {
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case err := <-served:
		return &failure{what: rootCause(err).Error(), code: exitFail}
	}
	return nil
}

// endServer calls end and waits until Serve has returned.
func endServer(ctx context.Context, served <-chan error, end func(context.Context) error) error {
	if err := end(ctx); err != nil {
		return &failure{what: "a second signal ended the server before it had answered all requests",
			code: exitFail}
	}
	if err := <-served; !errors.Is(err, ohce.ErrServerClosed) {
		return &failure{what: rootCause(err).Error(), code: exitFail}
	}
	return nil
}
