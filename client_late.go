package ohce

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

const (
	defaultLinger  = 2 * time.Second
	maxLateReaders = 64
)

// lateReaders is the set of sockets that stay open after their exchanges to count late responses.
type lateReaders struct {
	wg sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // oldest first
}

// A lateReader reads the socket of an exchange that has ended and counts the datagrams.
type lateReader struct {
	c       *Client
	conn    net.Conn
	buf     *[]byte
	request exchange.Request // a lateCopy
	observe func(exchange.Event)
}

// lateCopy returns the part of a request that a lateReader needs after the exchange has ended.
func lateCopy(r *exchange.Request) exchange.Request {
	late := *r
	late.Data = nil                            // belongs to the caller again
	late.Response = bytes.Clone(late.Response) // the caller may modify the original
	return late
}

// start reads the socket on a new goroutine for Client.Linger and then closes it.
func (l *lateReader) start() {
	linger := l.c.Linger
	if linger == 0 {
		linger = defaultLinger
	}
	if linger < 0 {
		l.close()
		return
	}
	l.conn.SetReadDeadline(time.Now().Add(linger))
	all := &l.c.late
	all.mu.Lock()
	all.conns = append(all.conns, l.conn)
	if len(all.conns) > maxLateReaders {
		all.stopOldest()
	}
	all.mu.Unlock()
	// The goroutine ends at the read deadline, which stopOldest brings forward. close waits for it.
	all.wg.Go(func() {
		l.read()
		all.remove(l.conn)
		l.close()
	})
}

// read counts the datagrams that arrive before the read deadline.
func (l *lateReader) read() {
	var failures udp.Backoff
	for {
		n, err := l.conn.Read(*l.buf)
		if udp.Refused(err) && failures.Failed() == 0 {
			continue // an ICMP message for an earlier attempt
		}
		if err != nil {
			return
		}
		l.count((*l.buf)[:n])
	}
}

// count counts a datagram as late, or as a duplicate if it equals the response.
func (l *lateReader) count(data []byte) {
	reason := exchange.Late
	if l.request.Outcome == exchange.Answered && bytes.Equal(data, l.request.Response) {
		reason = exchange.Duplicate
	}
	l.c.counters.Ignored[reason].Add(1)
	if l.observe != nil {
		l.observe(exchange.Event{
			Kind: exchange.DatagramIgnored, Time: time.Now(), Port: l.request.Port,
			Socket: l.request.Socket, Request: &l.request, Data: data, Reason: reason,
		})
	}
}

func (l *lateReader) close() {
	l.c.buffers.Put(l.buf)
	l.c.quarantine.close(l.conn)
}

// stopOldest ends the oldest reader. It must be called with mu held.
func (all *lateReaders) stopOldest() {
	all.conns[0].SetReadDeadline(time.Unix(1, 0))
	all.conns = all.conns[1:]
}

func (all *lateReaders) remove(conn net.Conn) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.conns = slices.DeleteFunc(all.conns, func(c net.Conn) bool { return c == conn })
}

// close ends all readers and waits for them.
func (all *lateReaders) close() {
	all.mu.Lock()
	for len(all.conns) > 0 {
		all.stopOldest()
	}
	all.mu.Unlock()
	all.wg.Wait()
}
