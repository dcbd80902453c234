package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals returns a channel that receives SIGINT and SIGTERM. It buffers two signals, because
// the second one matters too. After stop, a signal ends the process.
func notifySignals() (signals <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	return ch, func() { signal.Stop(ch) }
}

// ignoreBrokenPipes keeps the process running when the reader of its standard error has closed it.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }

// untilSignal returns a context that is canceled by the next signal or by end, which must be
// called. If last is true, a further signal ends the process.
func (a *app) untilSignal(parent context.Context, last bool) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(parent)
	ended := make(chan struct{})
	go func() { // ends with ctx; end waits for it
		defer close(ended)
		select {
		case <-a.signals:
			if last {
				a.stopSignals()
			}
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-ended }
}
