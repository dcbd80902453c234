package ohce

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	lingerDefault = 2 * time.Second
	lingerMost    = 64 // sockets kept open after their exchange

	restTime  = 10 * time.Second // how long a port rests after its socket has closed
	restMost  = 8192             // ports at rest, about a quarter of what Linux has to give
	dialTries = 16               // sockets opened in search of a port that is not at rest
)

// lingering keeps what is left of ended exchanges: first their sockets, so that late answers are
// counted, then the numbers of their ports, so that no late answer meets a new exchange.
type lingering struct {
	wg sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn           // oldest first
	ports map[uint16]time.Time // when each came to rest
	order []uint16             // the same, oldest first
}

// fresh opens a socket whose port is not at rest. The ones that it passes over stay open until one
// is found, so that the system does not give the same port again. If all tries fail, the last socket
// is as good as any.
func (l *lingering) fresh(dial func() (net.Conn, error)) (net.Conn, error) {
	var passed []net.Conn
	defer func() {
		for _, c := range passed {
			c.Close()
		}
	}()
	for {
		conn, err := dial()
		if err != nil {
			return nil, err
		}
		if len(passed) == dialTries || !l.rests(ipAddr(conn.LocalAddr()).Port()) {
			return conn, nil
		}
		passed = append(passed, conn)
	}
}

// rests reports whether a port is at rest. Ports whose time is over are forgotten.
func (l *lingering) rests(port uint16) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.order) > 0 && time.Since(l.ports[l.order[0]]) >= restTime {
		l.forget()
	}
	_, rests := l.ports[port]
	return rests
}

// forget is called with mu held.
func (l *lingering) forget() {
	delete(l.ports, l.order[0])
	l.order = l.order[1:]
}

// rest puts a port to rest.
func (l *lingering) rest(port uint16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if port == 0 {
		return
	}
	if _, rests := l.ports[port]; rests { // no other was to be had: its time begins anew
		l.order = slices.DeleteFunc(l.order, func(p uint16) bool { return p == port })
	}
	if len(l.order) == restMost {
		l.forget()
	}
	if l.ports == nil {
		l.ports = make(map[uint16]time.Time)
	}
	l.ports[port] = time.Now()
	l.order = append(l.order, port)
}

// A remnant is what is left of an exchange that has ended.
type remnant struct {
	c      *Client
	trace  *ClientTrace
	conn   net.Conn
	buf    *[]byte
	at     TraceAttempt // where the exchange ended
	start  time.Time
	answer []byte // nil if there was none
}

// add takes over what is left of an exchange, for the time that Client.Linger says.
func (l *lingering) add(r *remnant, wait time.Duration) {
	if wait == 0 {
		wait = lingerDefault
	}
	if wait < 0 {
		r.c.buffers.Put(r.buf)
		l.shut(r.conn)
		return
	}
	r.conn.SetReadDeadline(time.Now().Add(wait))
	l.mu.Lock()
	l.conns = append(l.conns, r.conn)
	if len(l.conns) > lingerMost {
		l.evict()
	}
	l.mu.Unlock()
	// Ends at the deadline, which evict and close bring forward; waited for by close.
	l.wg.Go(func() {
		defer l.leave(r.conn)
		defer r.c.buffers.Put(r.buf)
		r.count()
	})
}

// evict wakes the oldest. It is called with mu held.
func (l *lingering) evict() {
	l.conns[0].SetReadDeadline(time.Unix(1, 0))
	l.conns = l.conns[1:]
}

// count reads what comes late.
func (r *remnant) count() {
	for {
		n, err := r.conn.Read(*r.buf)
		if refused(err) {
			continue // once for each attempt at most
		}
		if err != nil {
			return
		}
		why := IgnoreLate
		if r.answer != nil && bytes.Equal((*r.buf)[:n], r.answer) {
			why = IgnoreDuplicate
		}
		r.at.Elapsed = time.Since(r.start)
		r.c.ignore(r.trace, r.at, why, (*r.buf)[:n])
	}
}

func (l *lingering) leave(conn net.Conn) {
	l.mu.Lock()
	for i, c := range l.conns {
		if c == conn {
			l.conns = append(l.conns[:i], l.conns[i+1:]...)
			break
		}
	}
	l.mu.Unlock()
	l.shut(conn)
}

// shut closes a socket and puts its port to rest.
func (l *lingering) shut(conn net.Conn) {
	l.rest(ipAddr(conn.LocalAddr()).Port())
	conn.Close()
}

func (l *lingering) close() {
	l.mu.Lock()
	for len(l.conns) > 0 {
		l.evict()
	}
	l.mu.Unlock()
	l.wg.Wait()
}
