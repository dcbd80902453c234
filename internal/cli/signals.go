package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals returns a channel that receives SIGINT, SIGTERM and SIGHUP. A process that starts
// with SIGHUP ignored, as under nohup, keeps ignoring it. The channel buffers two signals, because
// the second one matters too. After stop, SIGINT and SIGTERM end the process.
func notifySignals() (signals <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(ch, syscall.SIGHUP)
	}
	return ch, func() {
		// A closed terminal can send SIGHUP twice. The second one must not cut the summary short.
		signal.Ignore(syscall.SIGHUP)
		signal.Stop(ch)
	}
}

// ignoreBrokenPipes keeps the process running when the reader of its standard error has closed it.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }

// untilSignal returns a context that is canceled by the next signal or by end, which must be called.
// If last is true, a further signal ends the process. After the first signal, SIGHUP has no effect:
// when a terminal closes, both the kernel and the shell can send it.
func (a *app) untilSignal(parent context.Context, last bool) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(parent)
	ended := make(chan struct{})
	go func() { // ends with ctx; end waits for it
		defer close(ended)
		if !a.awaitSignal(ctx) {
			return
		}
		if last {
			a.stopSignals()
		}
		cancel()
	}()
	return ctx, func() { cancel(); <-ended }
}

// awaitSignal reports whether a signal arrives before ctx is done.
func (a *app) awaitSignal(ctx context.Context) bool {
	for {
		select {
		case sig := <-a.signals:
			if sig == syscall.SIGHUP && a.onHangup != nil {
				a.onHangup()
				continue
			}
			if sig == syscall.SIGHUP && a.signaled.Load() {
				continue
			}
			a.signaled.Store(true)
			return true
		case <-ctx.Done():
			return false
		}
	}
}
