package ohce

import (
	"net"
	"slices"
	"sync"
	"time"
)

const (
	quarantineTime = 10 * time.Second // after the socket on the port is closed
	maxQuarantined = 8192             // ports; Linux has about four times as many for clients
	maxDials       = 16               // sockets opened to find a port that is not quarantined
)

// A portQuarantine prevents the reuse of a closed socket's port while a late response may arrive
// there.
type portQuarantine struct {
	mu     sync.Mutex
	closed map[uint16]time.Time // when the socket on each port was closed
	order  []uint16             // the same ports, oldest first
}

// dial opens a socket on a port that is not quarantined. It keeps the sockets that it rejects open
// until it has found one, so that the system assigns a different port each time. After maxDials
// rejected sockets it accepts any port.
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

// contains reports whether a port is quarantined. It first releases the ports whose quarantine is
// over.
func (q *portQuarantine) contains(port uint16) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) > 0 && time.Since(q.closed[q.order[0]]) >= quarantineTime {
		q.release()
	}
	_, ok := q.closed[port]
	return ok
}

// release releases the oldest port. It must be called with mu held.
func (q *portQuarantine) release() {
	delete(q.closed, q.order[0])
	q.order = q.order[1:]
}

// close closes a socket and quarantines its port.
func (q *portQuarantine) close(conn net.Conn) {
	q.add(ipAddr(conn.LocalAddr()).Port())
	conn.Close()
}

// add quarantines a port. Port 0 is ignored.
func (q *portQuarantine) add(port uint16) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if port == 0 {
		return
	}
	if _, ok := q.closed[port]; ok { // used despite its quarantine, which starts again
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
