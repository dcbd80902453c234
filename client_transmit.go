package ohce

import (
	"cmp"
	"slices"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// A transmitter sends requests that share a socket, as segments if the kernel supports them.
type transmitter struct {
	ordered  bool // keep the order of the requests
	requests []*exchange.Request
	batch    udp.Batch
	data     []byte        // of all requests, concatenated
	first    []int         // index of the first request in each message
	unsent   map[int]error // by index of the request
}

// send sends requests on the sockets of their ports and reports the results to the machine.
func (ss *streamSockets) send(m *exchange.Machine, requests []*exchange.Request) {
	t := &ss.transmitter
	t.requests = t.requests[:0]
	var shared *streamSocket
	for _, r := range requests {
		socket := ss.byPort[r.Port]
		if socket.batch == nil {
			if ss.c.Match == nil {
				socket.request = r
			}
			sendOne(m, socket.conn, r)
			continue
		}
		shared = socket
		t.requests = append(t.requests, r)
	}
	if len(t.requests) > 0 {
		t.send(m, shared.batch)
	}
	clear(t.requests)
}

// send sends the collected requests on a socket and reports the results to the machine.
func (t *transmitter) send(m *exchange.Machine, conn udp.Socket) {
	if len(t.requests) > 1 && !t.ordered && conn.MaxSegments(1) > 1 {
		// Equal sizes next to each other become segments. The order of datagrams sent at once does
		// not matter, except in a measurement.
		slices.SortStableFunc(t.requests, func(a, b *exchange.Request) int {
			return len(b.Data) - len(a.Data)
		})
	}
	t.pack(conn)
	_, unreachable := udp.SendAll(conn, t.batch.Messages, func(message, datagram int, err error) {
		if t.unsent == nil {
			t.unsent = make(map[int]error)
		}
		t.unsent[t.first[message]+datagram] = err
	})
	t.batch.Reset()
	now := time.Now()
	port := t.requests[0].Port
	for range unreachable {
		m.Unreachable(now, port, ErrPortUnreachable)
	}
	t.report(m, now)
}

// pack copies the requests into messages, so that consecutive requests of equal size become
// segments.
func (t *transmitter) pack(conn udp.Socket) {
	total := 0
	for _, r := range t.requests {
		total += len(r.Data)
	}
	if cap(t.data) < total || cap(t.data) > maxTransmitBuffer {
		t.data = make([]byte, 0, total)
	}
	t.data, t.first = t.data[:0], t.first[:0]
	t.batch.MaxSegments = conn.MaxSegments
	var to udp.Message // a connected socket has one peer
	for i, r := range t.requests {
		begin := len(t.data)
		t.data = append(t.data, r.Data...)
		t.batch.Append(t.data[begin:], &to)
		if len(t.batch.Messages) > len(t.first) {
			t.first = append(t.first, i)
		}
	}
}

// maxTransmitBuffer is the size in bytes of the largest buffer that a transmitter keeps.
const maxTransmitBuffer = 1 << 20

// report reports the results to the machine in the order of the requests' numbers.
func (t *transmitter) report(m *exchange.Machine, now time.Time) {
	if len(t.unsent) == 0 && !m.Observed() {
		for _, r := range t.requests {
			m.Sent(now, r, nil, false)
		}
		return
	}
	order := make([]int, len(t.requests))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Compare(t.requests[a].Number, t.requests[b].Number)
	})
	for _, i := range order {
		err := t.unsent[i]
		m.Sent(now, t.requests[i], err, udp.TooLong(err))
	}
	clear(t.unsent)
}
