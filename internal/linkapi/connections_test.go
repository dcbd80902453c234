package linkapi

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// A namedConn is a connection that only its name distinguishes.
type namedConn struct {
	net.Conn
	name string
}

func TestConnections(t *testing.T) {
	for _, tt := range []struct {
		name, steps string // a connection and its new state: n(ew), a(ctive), i(dle) or c(losed)
		want        string // the closed connections
	}{
		{"below the limit", "1n 2n 3n", ""},
		{"new ones", "1n 2n 3n 4n 5n", "1 2"},
		{"after one has ended", "1n 2n 3n 2c 4n", ""},
		{"idle before active", "1n 1a 2n 2a 2i 3n 3a 4n", "2"},
		{"longest idle", "1n 1i 2n 2i 3n 3i 1a 1i 4n", "2"},
		{"oldest request", "1n 1a 2n 2a 3n 3a 1i 1a 4n", "2"},
		{"states of a closed one", "1n 2n 3n 4n 1a 1i 1c 4c 5n", "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			states := map[string]http.ConnState{"n": http.StateNew, "a": http.StateActive, "i": http.StateIdle,
				"c": http.StateClosed}
			conns := make(map[string]net.Conn)
			c := &connections{limit: 3}
			var closed []string
			for _, step := range strings.Fields(tt.steps) {
				name, state := step[:1], states[step[1:]]
				if conns[name] == nil {
					conns[name] = &namedConn{name: name}
				}
				if victim := c.record(conns[name], state); victim != nil {
					closed = append(closed, victim.(*namedConn).name)
				}
				if len(c.open) > c.limit {
					t.Fatalf("%s: %d are open", step, len(c.open))
				}
			}
			if got := strings.Join(closed, " "); got != tt.want {
				t.Errorf("closed %q, want %q", got, tt.want)
			}
		})
	}
}
