package udp

import "sync"

// lentWidth is how many messages a socket borrows at a time, where it can fill more than one.
const lentWidth = 32

// A Lender keeps buffers for many sockets of which few have something to read at a time. Its zero
// value has none yet: it makes as many as are out at once, and keeps them. It is for any number of
// goroutines.
type Lender struct {
	mu   sync.Mutex
	free [][]Message
}

// lend gives messages for a socket of that Width and ReadSize.
func (l *Lender) lend(width, size int) []Message {
	width, size = min(width, lentWidth), max(size, wholeDatagram)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 && len(l.free[n-1]) == width {
		ms := l.free[n-1]
		l.free = l.free[:n-1]
		return ms
	}
	ms := make([]Message, width)
	bufs := make([]byte, width*size)
	for i := range ms {
		ms[i].Buf = bufs[i*size : (i+1)*size : (i+1)*size]
	}
	return ms
}

// wholeDatagram is one byte more than the longest datagram has.
const wholeDatagram = 1 << 16

// Return takes back what ReadLent gave, all of it: the messages may be changed, their buffers not.
func (l *Lender) Return(ms []Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, ms[:cap(ms)])
}
