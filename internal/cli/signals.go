package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals delivers the signals that ask a process to end. Two fit, for the second one matters.
func notifySignals() (<-chan os.Signal, func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	return ch, func() { signal.Stop(ch) }
}

// untilSignal returns a context that ends with the first signal. stop must be called.
func (a *app) untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	ended := make(chan struct{})
	go func() { // ends with ctx
		defer close(ended)
		select {
		case <-a.signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-ended }
}
