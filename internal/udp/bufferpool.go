package udp

import "sync"

// pooledMessages is the number of messages in one set of a BufferPool, if the socket reads more
// than one at a time.
const pooledMessages = 32

// maxInUse is the number of sets of more than one message that are in use at a time: 32 MiB. Sockets that
// have something to read wait for one. A set is in use for the time of a read and of passing its
// datagrams on, so more of them would not make more progress.
const maxInUse = 16

// maxPooled is the number of bytes that a BufferPool keeps for the next readers. The garbage collector
// frees the rest.
const maxPooled = 16 << 20

// A BufferPool holds buffers for many sockets of which few have something to read at a time. The
// zero value is empty and ready for use. It may be used by any number of goroutines.
type BufferPool struct {
	mu        sync.Mutex
	returned  sync.Cond // on mu, made by get
	free      [][]Message
	freeBytes int // bytes of buffers in free
	inUse     int // sets of more than one message
}

// get returns a set of messages for a socket of that Width and MinReadBuffer. If it has more than one,
// get waits while maxInUse of them are in use.
func (p *BufferPool) get(width, size int) []Message {
	width, size = min(width, pooledMessages), max(size, wholeDatagram)
	p.mu.Lock()
	defer p.mu.Unlock()
	if width > 1 {
		p.returned.L = &p.mu
		for p.inUse == maxInUse {
			p.returned.Wait()
		}
		p.inUse++
	}
	if n := len(p.free); n > 0 && len(p.free[n-1]) == width {
		ms := p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		p.freeBytes -= setBytes(ms)
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

// Put returns to the pool all messages that one ReadPooled returned. Their fields may have been
// changed, but each Buf must still start where it did.
func (p *BufferPool) Put(ms []Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ms = ms[:cap(ms)]; len(ms) > 1 {
		p.inUse--
		p.returned.Signal()
	}
	if size := setBytes(ms); p.freeBytes+size <= maxPooled {
		p.free = append(p.free, ms)
		p.freeBytes += size
	}
}

// setBytes returns the size of the buffers of a set, which all have the same capacity.
func setBytes(ms []Message) int { return len(ms) * cap(ms[0].Buf) }
