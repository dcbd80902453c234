package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals delivers the signals that ask a process to end. Two fit, for the second one matters.
// After stop they do what they do to any process.
func notifySignals() (signals <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	return ch, func() { signal.Stop(ch) }
}

// ignoreBrokenPipes keeps a process alive whose log nobody reads any more.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }

// untilSignal returns a context that ends with the next signal. The function must be called. With
// last, a further signal ends the process, wherever it stands.
func (a *app) untilSignal(parent context.Context, last bool) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(parent)
	ended := make(chan struct{})
	go func() { // ends with ctx
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
