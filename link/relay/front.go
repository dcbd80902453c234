package relay

import (
	"errors"
	"iter"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

// A front is a socket that clients ask:
//
//	run → passUp → Batch.Append → port.send
//	            ↘ delay → deliverLater → port.send
type front struct {
	r     *Relay
	conn  udp.Socket
	ports []*port       // that have something to send
	late  []udp.Message // of the loop that delivers what was delayed
	write sync.Mutex    // guards conn.Write
}

// run passes on what clients ask until the socket closes; an error that is not of one datagram ends the
// relay.
func (f *front) run() {
	var backoff udp.Backoff
	for {
		ms, err := f.conn.ReadPooled(&f.r.buffers)
		switch {
		case err == nil:
			backoff.Reset()
			f.passUp(ms)
			f.r.buffers.Put(ms)
		case errors.Is(err, net.ErrClosed):
			return
		case udp.Transient(err):
			f.r.up.readErrors.Add(1)
			f.r.pause(backoff.Failed())
		default:
			f.r.shut(err)
			return
		}
	}
}

// passUp lets requests pass the link, and sends what arrives at once.
func (f *front) passUp(ms []udp.Message) {
	f.r.mu.Lock()
	now := time.Now()
	for i := range ms {
		f.pass(now, &ms[i])
	}
	f.r.mu.Unlock()
	for _, p := range f.ports {
		p.send(p.out.Messages)
		p.out.Reset()
	}
	f.ports = f.ports[:0]
}

// pass lets the datagrams of a message pass. It is called with mu held.
func (f *front) pass(now time.Time, m *udp.Message) {
	r := f.r
	p := r.portFor(f, m)
	if p == nil {
		r.stats.Up.Received += uint64(m.Count())
		r.stats.NoPort += uint64(m.Count())
		return
	}
	for data := range datagrams(m, &r.stats.Up) {
		r.arrivals = r.model.PassUp(r.arrivals[:0], r.at(now), data)
		r.observe(now, true, p, data)
		for _, a := range r.arrivals {
			if a.Rebind {
				p = r.rebind(p)
			}
			f.arrive(now, p, a)
		}
	}
	p.use(now)
}

// arrive sends or delays a request.
func (f *front) arrive(now time.Time, p *port, a link.Arrival) {
	if a.After > 0 {
		f.r.delay(now, p, true, a)
		return
	}
	if len(p.out.Messages) == 0 {
		f.ports = append(f.ports, p)
	}
	p.out.Append(a.Data, &udp.Message{})
}

// rebind gives a client another port, or where none can be had leaves it its own.
func (r *Relay) rebind(p *port) *port {
	if next := r.open(p.key, p.front, p.ifIndex); next != nil {
		return next
	}
	return p
}

// at is the time since the link's beginning, which is the first datagram.
func (r *Relay) at(now time.Time) time.Duration {
	if r.begun.IsZero() {
		r.begun = now
	}
	return now.Sub(r.begun)
}

func (r *Relay) observe(now time.Time, up bool, p *port, data []byte) {
	if r.Observe != nil {
		r.Observe(Event{now, up, p.key.peer, data, r.arrivals})
	}
}

// delay keeps a datagram until it arrives.
func (r *Relay) delay(now time.Time, p *port, up bool, a link.Arrival) {
	if r.later.add(now.Add(a.After), p, up, a.Data) {
		return
	}
	way := &r.stats.Down
	if up {
		way = &r.stats.Up
	}
	way.Crowded++
}

// datagrams yields the datagrams of a message and counts them; none if they were truncated.
func datagrams(m *udp.Message, way *Way) iter.Seq[[]byte] {
	way.Received += uint64(m.Count())
	if m.Truncated {
		way.Oversize += uint64(m.Count())
		return func(func([]byte) bool) {}
	}
	return m.Datagrams()
}

// send hands answers to the kernel.
func (f *front) send(ms []udp.Message, t *tally) {
	if len(ms) == 0 {
		return
	}
	f.write.Lock()
	defer f.write.Unlock()
	deliver(f.conn, ms, t)
}

// deliver hands messages to the kernel and counts them.
func deliver(conn udp.Conn, ms []udp.Message, t *tally) {
	unsent := 0
	sent, unreachable := udp.SendAll(conn, ms, func(_, _ int, _ error) { unsent++ })
	t.sent.Add(uint64(sent))
	t.unsent.Add(uint64(unsent))
	t.refused.Add(uint64(unreachable))
}
