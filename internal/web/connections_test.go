package web

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A namedConn is a connection that only its name distinguishes.
type namedConn struct {
	net.Conn
	name string
}

func TestConnections(t *testing.T) {
	for _, tt := range []struct {
		name, steps string // a connection and its new state: n(ew), a(ctive), i(dle) or c(losed)
		want        string // the closed connections; "wait" where a new one has to wait
	}{
		{"below the limit", "1n 2n 3n", ""},
		{"new ones", "1n 2n 3n + 4n 5n", "1 2"},
		{"after one has ended", "1n 2n 3n 2c 4n", ""},
		{"young ones", "1n 2n 3n 4n + 4n", "wait 1"},
		{"young request on an old connection", "1n 2n 3n + 1a 2a 3a 4n", "wait"},
		{"young but idle", "1n 2n 2i 3n 4n", "2"},
		{"idle before active", "1n 1a 2n 2a 2i 3n 3a + 4n", "2"},
		{"longest idle", "1n 1i 2n 2i 3n 3i + 1a 1i 4n", "2"},
		{"oldest request", "1n 1a 2n 2a 3n 3a + 1i 1a 4n", "2"},
		{"states of a closed one", "1n 2n 3n + 4n 1a 1i 1c 4c 5n", "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			states := map[string]http.ConnState{"a": http.StateActive, "i": http.StateIdle, "c": http.StateClosed}
			conns := make(map[string]net.Conn)
			c := newConnections(3)
			now := time.Unix(0, 0)
			var got []string
			for _, step := range strings.Fields(tt.steps) {
				now = now.Add(time.Millisecond)
				if step == "+" {
					now = now.Add(connectionGrace)
					continue
				}
				name := step[:1]
				if conns[name] == nil {
					conns[name] = &namedConn{name: name}
				}
				if step[1] != 'n' {
					c.update(conns[name], states[step[1:]], now)
				} else if victim, wait := c.add(conns[name], now); wait > 0 {
					got = append(got, "wait")
				} else if victim != nil {
					got = append(got, victim.(*namedConn).name)
				}
				if len(c.open) > c.limit {
					t.Fatalf("%s: %d are open", step, len(c.open))
				}
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A new connection waits until another one ends, and at most for connectionGrace.
func TestConnectionsWait(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state http.ConnState
		after time.Duration
	}{
		{"an end", http.StateClosed, time.Millisecond},
		{"an idle one", http.StateIdle, time.Millisecond},
		{"neither", http.StateActive, connectionGrace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newConnections(2)
				first, _ := net.Pipe()
				second, _ := net.Pipe()
				third, _ := net.Pipe()
				c.changed(first, http.StateNew)
				c.changed(second, http.StateNew)
				begun := time.Now()
				time.AfterFunc(time.Millisecond, func() { c.changed(first, tt.state) })
				c.changed(third, http.StateNew)
				if after := time.Since(begun); after != tt.after {
					t.Errorf("waited for %v, want %v", after, tt.after)
				}
			})
		})
	}
}
