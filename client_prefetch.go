package ohce

import (
	"iter"
	"runtime"
	"sync"
)

// The limits of a prefetcher.
const (
	maxPrefetched     = 1024    // requests
	maxPrefetchedSize = 1 << 16 // bytes, besides one request
)

// A prefetcher runs an iterator over requests on a separate goroutine and copies the requests. An
// iterator that blocks does not block the stream, and requests are taken in batches.
type prefetcher struct {
	ready chan struct{} // holds a token while take has something to return
	done  chan struct{} // closed when the iterator has returned

	mu      sync.Mutex
	room    sync.Cond // L is mu; signals that take or stop was called
	data    []byte    // the requests, concatenated
	sizes   []int
	ended   bool
	stopped bool
	failure func() // repeats the iterator's panic or Goexit; nil if it returned normally
}

func newPrefetcher(requests iter.Seq[[]byte]) *prefetcher {
	f := &prefetcher{ready: make(chan struct{}, 1), done: make(chan struct{})}
	f.room.L = &f.mu
	// The goroutine ends when requests returns. stop makes its next yield return false and waits
	// for it.
	go f.run(requests)
	return f
}

func (f *prefetcher) run(requests iter.Seq[[]byte]) {
	defer close(f.done)
	failure := runtime.Goexit // replaced if the iterator returns or panics
	defer func() {
		if value := recover(); value != nil {
			failure = func() { panic(value) }
		}
		f.end(failure)
	}()
	for request := range requests {
		if !f.put(request) {
			break
		}
	}
	failure = nil
}

// put waits for room and adds a request. It returns false if the prefetcher is stopped.
func (f *prefetcher) put(request []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.stopped && (len(f.sizes) == maxPrefetched || len(f.data) > maxPrefetchedSize) {
		f.room.Wait()
	}
	if f.stopped {
		return false
	}
	f.data = append(f.data, request...)
	f.sizes = append(f.sizes, len(request))
	f.token()
	return true
}

// end records that the iterator has ended. failure is nil if it returned normally.
func (f *prefetcher) end(failure func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.failure = true, failure
	f.token()
}

// token makes ready readable. It must be called with mu held.
func (f *prefetcher) token() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// take returns up to n requests whose costs add up to at most room. The caller owns them. If empty
// is true, take returns at least one request, whatever its cost, unless none is available. full
// reports whether the next request did not fit into room, and ended whether there are no more
// requests. If the iterator panicked, take panics with the same value after all requests have been
// taken.
func (f *prefetcher) take(n, room int, empty bool, cost func(size int) int) (
	requests [][]byte, full, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sizes) == 0 {
		f.raise()
	}
	n = min(n, len(f.sizes))
	length := 0
	for i, size := range f.sizes[:n] {
		if room -= cost(size); room < 0 && (i > 0 || !empty) {
			n, full = i, true
			break
		}
		length += size
	}
	data := append(make([]byte, 0, length), f.data[:length]...)
	for _, size := range f.sizes[:n] {
		requests = append(requests, data[:size:size])
		data = data[size:]
	}
	f.data = append(f.data[:0], f.data[length:]...)
	f.sizes = append(f.sizes[:0], f.sizes[n:]...)
	if len(f.sizes) > 0 || f.failure != nil {
		f.token()
	}
	f.room.Signal()
	return requests, full, f.ended && len(f.sizes) == 0 && f.failure == nil
}

// raise repeats the iterator's panic or Goexit once, if there was one. It must be called with mu
// held.
func (f *prefetcher) raise() {
	if failure := f.failure; failure != nil {
		f.failure = nil
		failure()
	}
}

// stop makes the iterator's next yield return false and waits until the iterator has returned. If
// the iterator panicked, stop panics with the same value.
func (f *prefetcher) stop() {
	f.mu.Lock()
	f.stopped = true
	f.room.Signal()
	f.mu.Unlock()
	<-f.done
	f.mu.Lock()
	defer f.mu.Unlock()
	f.raise()
}
