package ohce

import "sync"

// A crew are goroutines that somebody waits for, while others may still want to start more.
type crew struct {
	working sync.WaitGroup

	mu   sync.Mutex
	gone bool
}

// start runs f on a goroutine, or reports false if the crew has been dismissed.
func (c *crew) start(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return false
	}
	c.working.Go(f)
	return true
}

// dismiss lets nobody start any more and waits for all.
func (c *crew) dismiss() {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.working.Wait()
}
