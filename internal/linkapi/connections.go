package linkapi

import (
	"net"
	"net/http"
	"sync"
)

// connections limits the open connections of an http.Server. Beyond the limit, a new connection
// closes another one: the one that has been idle for the longest time or, if none is idle, the one
// whose request is the oldest. Clients that pause for long therefore do not keep others from
// connecting.
type connections struct {
	limit int

	mu   sync.Mutex
	open map[net.Conn]connection
	n    uint64 // changes so far
}

// A connection describes an open connection.
type connection struct {
	idle  bool
	since uint64 // the number of the change that began its state
}

// changed is the ConnState of the http.Server.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	if victim := c.record(conn, state); victim != nil {
		victim.Close()
	}
}

// record records the new state of a connection, and returns the connection to close, or nil.
func (c *connections) record(conn net.Conn, state http.ConnState) (victim net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(c.open, conn)
		return nil
	}
	if c.open == nil {
		c.open = make(map[net.Conn]connection)
	}
	if _, known := c.open[conn]; !known {
		if state != http.StateNew {
			return nil // it has been a victim
		}
		if len(c.open) >= c.limit {
			victim = c.oldest()
			delete(c.open, victim)
		}
	}
	c.n++
	c.open[conn] = connection{idle: state == http.StateIdle, since: c.n}
	return victim
}

// oldest returns the connection to close first.
func (c *connections) oldest() (oldest net.Conn) {
	var best connection
	for conn, this := range c.open {
		if oldest == nil || this.idle && !best.idle || this.idle == best.idle && this.since < best.since {
			oldest, best = conn, this
		}
	}
	return oldest
}
