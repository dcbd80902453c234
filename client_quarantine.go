package ohce

import (
	"net"
	"slices"
	"sync"
	"time"
)

const (
	quarantineTime = 10 * time.Second // how long a port is not used again after its socket has closed
	maxQuarantined = 8192             // ports, about a quarter of the ports that Linux has for clients
	maxDials       = 16               // sockets opened in search of a port that is not quarantined
)

// A portQuarantine keeps the ports of closed sockets from being used again while a late response
// may arrive there.
type portQuarantine struct {
	mu     sync.Mutex
	closed map[uint16]time.Time // when the socket of each port was closed
	order  []uint16             // the same ports, oldest first
}

// dial opens a socket whose port is not quarantined. The sockets that it rejects stay open until it
// has found one, so that the system does not assign the same port again. After maxDials it accepts
// any.
func (q *portQuarantine) dial(dial func() (net.Conn, error)) (net.Conn, error) {
	var rejected []net.Conn
	defer func() {
		for _, c := range rejected {
			c.Close()
		}
	}()
	for {
		conn, err := dial()
		if n := len(rejected); err != nil && n > 0 { // a quarantined port is better than none
			conn, rejected = rejected[n-1], rejected[:n-1]
			return conn, nil
		}
		if err != nil {
			return nil, err
		}
		if len(rejected) == maxDials || !q.contains(ipAddr(conn.LocalAddr()).Port()) {
			return conn, nil
		}
		rejected = append(rejected, conn)
	}
}

// contains reports whether a port is quarantined. It releases the ports whose time is over.
func (q *portQuarantine) contains(port uint16) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) > 0 && time.Since(q.closed[q.order[0]]) >= quarantineTime {
		q.release()
	}
	_, ok := q.closed[port]
	return ok
}

// release releases the oldest port. The caller holds mu.
func (q *portQuarantine) release() {
	delete(q.closed, q.order[0])
	q.order = q.order[1:]
}

// close closes a socket and quarantines its port.
func (q *portQuarantine) close(conn net.Conn) {
	q.add(ipAddr(conn.LocalAddr()).Port())
	conn.Close()
}

// add quarantines a port.
func (q *portQuarantine) add(port uint16) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if port == 0 {
		return
	}
	if _, ok := q.closed[port]; ok { // it was used all the same: its time begins anew
		q.order = slices.DeleteFunc(q.order, func(p uint16) bool { return p == port })
	}
	if len(q.order) == maxQuarantined {
		q.release()
	}
	if q.closed == nil {
		q.closed = make(map[uint16]time.Time)
	}
	q.closed[port] = time.Now()
	q.order = append(q.order, port)
}
