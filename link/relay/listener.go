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

// A listener is a socket that clients ask:
//
//	run → passUp → appendTo → port.send
//	            ↘ delay → deliverDelayed → port.send
type listener struct {
	r        *Relay
	conn     udp.Conn
	mappings []*mapping    // that have something to send
	due      []udp.Message // of the loop that delivers what was delayed
	done     chan struct{} // closed when run has ended
	write    sync.Mutex    // guards conn.Write
}

// run passes on what clients ask until the socket closes; an error that is not of one datagram ends the
// relay.
func (f *listener) run() {
	defer close(f.done)
	var failures failures
	for {
		ms, err := f.conn.ReadLent(&f.r.lender)
		switch {
		case err == nil:
			failures = 0
			f.passUp(ms)
			f.r.lender.Return(ms)
		case errors.Is(err, net.ErrClosed):
			return
		case udp.Transient(err):
			f.r.up.readErrors.Add(1)
			failures.pause(f.r.delays.closed)
		default:
			f.r.shut(err)
			return
		}
	}
}

// passUp lets requests pass the link, and sends what arrives at once.
func (f *listener) passUp(ms []udp.Message) {
	f.r.mu.Lock()
	now := time.Now()
	for i := range ms {
		f.pass(now, &ms[i])
	}
	f.r.mu.Unlock()
	for _, p := range f.mappings {
		p.send(p.out)
		p.out = emptied(p.out)
	}
	f.mappings = f.mappings[:0]
}

// pass lets the datagrams of a message pass. It is called with mu held.
func (f *listener) pass(now time.Time, m *udp.Message) {
	r := f.r
	p := r.mappingFor(f, m)
	if p == nil {
		r.stats.Up.Received += uint64(m.Datagrams())
		r.stats.NoMapping += uint64(m.Datagrams())
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
func (f *listener) arrive(now time.Time, p *mapping, a link.Arrival) {
	if a.After > 0 {
		f.r.delay(now, p, true, a)
		return
	}
	if len(p.out) == 0 {
		f.mappings = append(f.mappings, p)
	}
	p.out = appendTo(p.out, udp.Message{Buf: a.Data}, p.conn)
}

// rebind gives a client another port, or where none can be had leaves it its own.
func (r *Relay) rebind(p *mapping) *mapping {
	if next := r.open(p.key, p.listener, p.ifIndex); next != nil {
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

func (r *Relay) observe(now time.Time, up bool, p *mapping, data []byte) {
	if r.Observe != nil {
		r.Observe(Event{now, up, p.key.peer, data, r.arrivals})
	}
}

// delay keeps a datagram until it arrives.
func (r *Relay) delay(now time.Time, p *mapping, up bool, a link.Arrival) {
	if r.delays.add(now.Add(a.After), p, up, a.Data) {
		return
	}
	way := &r.stats.Down
	if up {
		way = &r.stats.Up
	}
	way.BufferFull++
}

// datagrams are those of a message, which it counts. A datagram's capacity reaches to the end of the
// message; see appendTo.
func datagrams(m *udp.Message, way *DirectionStats) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		way.Received += uint64(m.Datagrams())
		if m.Truncated {
			way.Oversize += uint64(m.Datagrams())
			return
		}
		data := m.Buf
		for m.Segment > 0 && len(data) > m.Segment {
			if !yield(data[:m.Segment]) {
				return
			}
			data = data[m.Segment:]
		}
		yield(data)
	}
}

// appendTo appends a datagram to the messages for conn. Those that stood side by side in a run that was
// read stay a run, where nothing came between them; a run has one peer.
func appendTo(ms []udp.Message, m udp.Message, conn udp.Conn) []udp.Message {
	if len(ms) == 0 || len(m.Buf) == 0 {
		return append(ms, m)
	}
	last := &ms[len(ms)-1]
	have := len(last.Buf)
	size := last.Segment
	if size == 0 {
		size = have
	}
	if have == 0 || have%size != 0 || len(m.Buf) > size || (have/size+1) > conn.Run(size) ||
		cap(last.Buf) < have+len(m.Buf) || &last.Buf[:have+1][have] != &m.Buf[0] {
		return append(ms, m)
	}
	last.Buf, last.Segment = last.Buf[:have+len(m.Buf)], size
	return ms
}

// send hands answers to the kernel.
func (f *listener) send(ms []udp.Message, t *tally) {
	if len(ms) == 0 {
		return
	}
	f.write.Lock()
	defer f.write.Unlock()
	deliver(f.conn, ms, t)
}

// deliver hands messages to the kernel and counts them.
func deliver(conn udp.Conn, ms []udp.Message, t *tally) {
	refused := 0
	sent := udp.Transmit(conn, ms, func(_, _ int, _ error) { refused++ })
	t.sent.Add(uint64(sent))
	t.unsent.Add(uint64(refused))
}
