package udp

import "sync"

// pooledMessages is the maximum number of messages in one set of a BufferPool.
const pooledMessages = 32

// maxInUse is the maximum number of sets of more than one message in use at a time, which together
// have 32 MiB. Further readers wait for a set. A reader uses a set only to read and deliver one
// batch, so more sets would not improve throughput.
const maxInUse = 16

// maxPooled is the maximum size of the free buffers in a BufferPool, in bytes. The garbage
// collector frees the rest.
const maxPooled = 16 << 20

// A BufferPool shares read buffers among many sockets, few of which have datagrams queued at a
// time. The zero value is empty and ready to use. A BufferPool is safe for concurrent use.
type BufferPool struct {
	mu        sync.Mutex
	returned  sync.Cond // uses mu; get sets it
	free      [][]Message
	freeBytes int // size of the buffers in free
	inUse     int // number of sets of more than one message in use
}

// get returns a set of messages for a socket with the given Width and MinReadBuffer. If the set has
// more than one message, get waits while maxInUse such sets are in use.
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

// wholeDatagram is a buffer size that no datagram can exceed.
const wholeDatagram = 1 << 16

// Put returns to the pool the messages returned by one call of ReadPooled. The caller may have
// changed their fields, but each Buf must still start at the same byte.
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

// setBytes returns the total size of the buffers of a set. All of them have the same capacity.
func setBytes(ms []Message) int { return len(ms) * cap(ms[0].Buf) }
