package udp

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// A scriptedConn records the messages written to it. It fails for those in its script.
type scriptedConn struct {
	Conn
	script []scriptedError
	sent   []string
}

// A scriptedError is the error that Write returns for the next message with the given text.
type scriptedError struct {
	text string
	err  error
}

func (c *scriptedConn) Write(ms []Message) (int, error) {
	for i := range ms {
		text := fmt.Sprintf("%s/%d", ms[i].Buf, ms[i].Segment)
		if len(c.script) > 0 && c.script[0].text == text {
			err := c.script[0].err
			c.script = c.script[1:]
			return i, err
		}
		c.sent = append(c.sent, text)
	}
	return len(ms), nil
}

func TestSendAll(t *testing.T) {
	refused, denied := refusedError(t), fs.ErrPermission
	tests := []struct {
		name              string
		ms                string // messages as text/segment
		script            []scriptedError
		want              string // messages sent
		unsent            string // datagrams not sent, as message.datagram
		sent, unreachable int
	}{
		{"no messages", "", nil, "", "", 0, 0},
		{"all", "a/0 bb/1 c/0", nil, "a/0 bb/1 c/0", "", 4, 0},
		{"one denied", "a/0 b/0 c/0", []scriptedError{{"b/0", denied}}, "a/0 c/0", "1.0", 2, 0},
		{"last denied", "a/0 b/0", []scriptedError{{"b/0", denied}}, "a/0", "1.0", 1, 0},
		{"refused once", "a/0 b/0 c/0", []scriptedError{{"b/0", refused}}, "a/0 b/0 c/0", "", 3, 1},
		{"each refused once", "a/0 b/0", []scriptedError{{"a/0", refused}, {"b/0", refused}}, "a/0 b/0", "", 2, 2},
		{"refused twice", "a/0 b/0", []scriptedError{{"a/0", refused}, {"a/0", refused}}, "b/0", "0.0", 1, 2},
		{"refused, then denied", "a/0 b/0", []scriptedError{{"a/0", refused}, {"a/0", denied}}, "b/0", "0.0", 1, 1},
		{"segments denied together", "x/0 aab/2 y/0", []scriptedError{{"aab/2", denied}}, "x/0 aa/0 b/0 y/0", "", 4, 0},
		{"one segment denied", "aab/2 y/0", []scriptedError{{"aab/2", denied}, {"aa/0", denied}}, "b/0 y/0", "0.0", 2, 0},
		{"segments refused once", "aab/2", []scriptedError{{"aab/2", refused}}, "aab/2", "", 2, 1},
		{"segments refused twice", "aab/2 y/0", []scriptedError{{"aab/2", refused}, {"aab/2", refused}}, "y/0",
			"0.0 0.1", 1, 2},
		{"one segment refused", "aab/2", []scriptedError{{"aab/2", denied}, {"b/0", refused}}, "aa/0 b/0", "", 2, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ms []Message
			for _, text := range strings.Fields(tt.ms) {
				m := Message{Peer: netip.AddrPortFrom(ip4, 1)}
				var data string
				fmt.Sscanf(strings.Replace(text, "/", " ", 1), "%s %d", &data, &m.Segment)
				m.Buf = []byte(data)
				ms = append(ms, m)
			}
			c := &scriptedConn{script: tt.script}
			var unsent []string
			sent, unreachable := SendAll(c, ms, func(message, datagram int, err error) {
				if !errors.Is(err, denied) && !Refused(err) {
					t.Errorf("message %d: unexpected error %v", message, err)
				}
				unsent = append(unsent, fmt.Sprintf("%d.%d", message, datagram))
			})
			if sent != tt.sent || unreachable != tt.unreachable {
				t.Errorf("SendAll = %d, %d, want %d, %d", sent, unreachable, tt.sent, tt.unreachable)
			}
			if want := strings.Fields(tt.want); !slices.Equal(c.sent, want) {
				t.Errorf("sent %q, want %q", c.sent, want)
			}
			if want := strings.Fields(tt.unsent); !slices.Equal(unsent, want) {
				t.Errorf("unsent %q, want %q", unsent, want)
			}
			if len(c.script) > 0 {
				t.Errorf("%d messages of the script were not written", len(c.script))
			}
		})
	}
}
