package ohce

import (
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/exchange"
)

const (
	// maxInboxBytes is how many bytes an inbox holds, with the records, before the sockets' readers
	// wait. The kernel's queues take what arrives after that.
	maxInboxBytes = 4 << 20
	// arrivalSize is the size in bytes of an arrival on a 64-bit system.
	arrivalSize = 88
)

// An arrival is something that a goroutine of a stream has to report.
type arrival struct {
	port exchange.Port
	at   time.Time

	// Of a datagram:
	size      int // its content is the next size bytes of the inbox's data
	truncated bool

	// Of anything else:
	err    error    // a read or a dial that failed
	opened net.Conn // a dial that succeeded
	dialed bool     // err is that of a dial
}

// arrivals are what an inbox has received, in order.
type arrivals struct {
	list []arrival
	data []byte
}

// An inbox takes in what the goroutines of a stream report, so that the loop over the stream finds
// everything that has arrived, however long its body was busy.
type inbox struct {
	ready chan struct{} // holds a token while the inbox is not empty

	mu     sync.Mutex
	room   sync.Cond // on mu: taken, or closed
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

// unlock unlocks the inbox and tells the loop that it is not empty.
func (in *inbox) unlock() {
	in.mu.Unlock()
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// add adds a datagram. The caller has locked the inbox.
func (in *inbox) add(port exchange.Port, at time.Time, data []byte, truncated bool) {
	in.new.list = append(in.new.list, arrival{
		port: port, at: at, size: len(data), truncated: truncated,
	})
	in.new.data = append(in.new.data, data...)
}

// report adds something other than a datagram. It returns false if the inbox is closed.
func (in *inbox) report(a arrival) bool {
	if !in.lock() {
		return false
	}
	in.new.list = append(in.new.list, a)
	in.unlock()
	return true
}

// take returns everything that has arrived. used is what an earlier call returned; its room is used
// again.
func (in *inbox) take(used arrivals) arrivals {
	if cap(used.data)+cap(used.list)*arrivalSize > 2*maxInboxBytes {
		used = arrivals{} // datagrams of an unusual size or number
	}
	clear(used.list)
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.new
	in.new = arrivals{used.list[:0], used.data[:0]}
	in.room.Broadcast()
	return got
}

// close makes the inbox reject everything. It returns what was in it.
func (in *inbox) close() arrivals {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.room.Broadcast()
	return in.new
}
