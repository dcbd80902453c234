package cli

import "time"

// runWithGrace runs f, which may block forever, for example on a pipe that is not read. It returns
// when f returns, at the latest after logGrace. If there are no descriptors for the timer, it waits for
// f without a limit.
func runWithGrace(f func()) {
	if !canOpen(pollerDescriptors) {
		f()
		return
	}
	done := make(chan struct{})
	go func() { // ends with f, or with the process; runWithGrace waits for it up to logGrace
		defer close(done)
		f()
	}()
	grace := time.NewTimer(logGrace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
	}
}
