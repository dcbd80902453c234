package ohce

import (
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/exchange"
)

const (
	// maxInboxBytes is the number of bytes that an inbox holds, including its records, before the
	// readers of the sockets block. Further datagrams then queue in the kernel.
	maxInboxBytes = 4 << 20
	// arrivalSize is the size in bytes of an arrival on a 64-bit system.
	arrivalSize = 96
)

// An arrival is a datagram or an event that a goroutine of a stream reports.
type arrival struct {
	port exchange.Port
	at   time.Time

	// For a datagram:
	size      int // the content is the next size bytes of arrivals.data
	truncated bool
	delay     time.Duration // from the arrival at the system to the read; 0 if unknown

	// For other events:
	err    error    // the error of a failed read or dial
	opened net.Conn // the result of a successful dial
	dialed bool     // err is the error of a dial
}

// arrivals holds arrivals in the order in which an inbox received them.
type arrivals struct {
	list []arrival
	data []byte
}

// An inbox collects arrivals from the goroutines of a stream. The loop over the stream takes all of
// them at once, however long its body was busy.
type inbox struct {
	ready chan struct{} // holds a token while the inbox is not empty

	mu     sync.Mutex
	room   sync.Cond // L is mu; signals that take or close was called
	new    arrivals
	closed bool
}

func newInbox() *inbox {
	in := &inbox{ready: make(chan struct{}, 1)}
	in.room.L = &in.mu
	return in
}

// lock waits for room and locks the inbox. It returns false, and does not lock, if the inbox is
// closed.
func (in *inbox) lock() bool {
	in.mu.Lock()
	for len(in.new.data)+len(in.new.list)*arrivalSize > maxInboxBytes && !in.closed {
		in.room.Wait()
	}
	if in.closed {
		in.mu.Unlock()
		return false
	}
	return true
}

// unlock unlocks the inbox and wakes the loop.
func (in *inbox) unlock() {
	in.mu.Unlock()
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// add adds a datagram. The caller must have locked the inbox.
func (in *inbox) add(a arrival, data []byte) {
	a.size = len(data)
	in.new.list = append(in.new.list, a)
	in.new.data = append(in.new.data, data...)
}

// report adds an event other than a datagram. It returns false if the inbox is closed.
func (in *inbox) report(a arrival) bool {
	if !in.lock() {
		return false
	}
	in.new.list = append(in.new.list, a)
	in.unlock()
	return true
}

// take returns everything that has arrived. used is the result of an earlier call, whose memory
// take reuses.
func (in *inbox) take(used arrivals) arrivals {
	if cap(used.data)+cap(used.list)*arrivalSize > 2*maxInboxBytes {
		used = arrivals{} // do not keep unusually large buffers
	}
	clear(used.list)
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.new
	in.new = arrivals{used.list[:0], used.data[:0]}
	in.room.Broadcast()
	return got
}

// close makes the inbox reject further arrivals and returns those that were not taken.
func (in *inbox) close() arrivals {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.room.Broadcast()
	return in.new
}
