package web

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connectionGrace is how long a connection with a request is safe from being closed for a new one.
const connectionGrace = 250 * time.Millisecond

// connections limits the open connections of an http.Server. Beyond the limit, a new connection
// closes another one: the one that has been idle for the longest time or, if none is idle, the one
// whose request is the oldest. If that one is younger than connectionGrace, the new one waits.
// Clients that pause for long therefore do not keep others from connecting, and clients that arrive
// together all get their responses.
type connections struct {
	limit int
	freed chan struct{} // receives after a connection has ended or become idle; holds one value

	mu   sync.Mutex
	open map[net.Conn]connection
}

// A connection describes an open connection.
type connection struct {
	idle  bool
	since time.Time // when its state began
}

func newConnections(limit int) *connections {
	return &connections{
		limit: limit, freed: make(chan struct{}, 1), open: make(map[net.Conn]connection),
	}
}

// changed is the ConnState of the http.Server, which accepts no connection while it waits for a new
// one.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	if state != http.StateNew {
		c.update(conn, state, time.Now())
		return
	}
	for {
		victim, wait := c.add(conn, time.Now())
		if victim != nil {
			victim.Close()
		}
		if wait <= 0 {
			return
		}
		select {
		case <-c.freed:
		case <-time.After(wait):
		}
	}
}

// add adds a new connection and returns the connection to close for it, or nil. If wait is not
// zero, it has not added the connection, and the caller tries again after that time at the latest.
func (c *connections) add(conn net.Conn, now time.Time) (victim net.Conn, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.limit {
		victim = c.oldest()
		if v := c.open[victim]; !v.idle && now.Sub(v.since) < connectionGrace {
			return nil, connectionGrace - now.Sub(v.since)
		}
		delete(c.open, victim)
	}
	c.open[conn] = connection{since: now}
	return victim, 0
}

// oldest returns the connection to close first.
func (c *connections) oldest() (oldest net.Conn) {
	var best connection
	for conn, this := range c.open {
		longer := this.idle == best.idle && this.since.Before(best.since)
		if oldest == nil || longer || this.idle && !best.idle {
			oldest, best = conn, this
		}
	}
	return oldest
}

// update records the state of a connection that is not new.
func (c *connections) update(conn net.Conn, state http.ConnState, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.open[conn]; !known {
		return // it has been closed for a new one
	}
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	default:
		c.open[conn] = connection{idle: state == http.StateIdle, since: now}
	}
	if state != http.StateActive {
		select {
		case c.freed <- struct{}{}:
		default:
		}
	}
}

// responsePoll is how often awaitResponses looks for connections without a response.
const responsePoll = 5 * time.Millisecond

// awaitResponses waits until all connections are idle or closed, or until ctx is done.
func (c *connections) awaitResponses(ctx context.Context) error {
	tick := time.NewTicker(responsePoll)
	defer tick.Stop()
	for c.busy() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// busy reports whether a connection waits for a response.
func (c *connections) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, open := range c.open {
		if !open.idle {
			return true
		}
	}
	return false
}
