package ohce

import (
	"iter"
	"sync"
)

// intakeMost is how many requests, and intakeBytes how many of their bytes, are taken in ahead.
const (
	intakeMost  = 1024
	intakeBytes = 1 << 16
)

// An intake takes requests from an iterator on a goroutine of its own, many at a time, so that a slow
// one holds up nothing and a quick one costs little.
type intake struct {
	ready chan struct{} // holds a token while there is something to take

	mu      sync.Mutex
	room    sync.Cond // on mu: taken, or stopped
	data    []byte    // requests, one behind the other
	sizes   []int
	ended   bool
	stopped bool
}

func newIntake(requests iter.Seq[[]byte]) *intake {
	in := &intake{ready: make(chan struct{}, 1)}
	in.room.L = &in.mu
	// Ends with requests, or at the first of them after stop.
	go func() {
		for request := range requests {
			if !in.put(request) {
				return
			}
		}
		in.end()
	}()
	return in
}

// put waits for room and reports whether more is wanted.
func (in *intake) put(request []byte) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for !in.stopped && (len(in.sizes) == intakeMost || len(in.data) > intakeBytes) {
		in.room.Wait()
	}
	if in.stopped {
		return false
	}
	in.data = append(in.data, request...)
	in.sizes = append(in.sizes, len(request))
	in.token()
	return true
}

func (in *intake) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended = true
	in.token()
}

// token is called with mu held.
func (in *intake) token() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// take returns up to n requests, which the caller owns, and whether they were the last.
func (in *intake) take(n int) (requests [][]byte, ended bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	n = min(n, len(in.sizes))
	length := 0
	for _, size := range in.sizes[:n] {
		length += size
	}
	data := append(make([]byte, 0, length), in.data[:length]...)
	for _, size := range in.sizes[:n] {
		requests = append(requests, data[:size:size])
		data = data[size:]
	}
	in.data = append(in.data[:0], in.data[length:]...)
	in.sizes = append(in.sizes[:0], in.sizes[n:]...)
	if len(in.sizes) > 0 {
		in.token()
	}
	in.room.Signal()
	return requests, in.ended && len(in.sizes) == 0
}

// stop makes the goroutine end at its next request.
func (in *intake) stop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stopped = true
	in.room.Signal()
}
