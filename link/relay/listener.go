package relay

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

// A listener is a socket that clients send to. A request passes
//
//	run → passUp → mapping.send
//	             ↘ delayer.add → deliverDelayed → mapping.send
type listener struct {
	r    *Relay
	conn udp.Socket
	done chan struct{} // closed when run has ended

	// Used by run only.
	pending  []*mapping // have a batch to send
	arrivals []link.Arrival

	due *udp.Batch // used by deliverDelayed only

	write sync.Mutex // serializes conn.Write
}

// run passes requests until the socket is drained or closed. An error that does not concern a
// single datagram closes the relay.
func (l *listener) run() {
	defer close(l.done)
	var backoff udp.Backoff
	for {
		ms, err := l.conn.ReadPooled(&l.r.buffers)
		switch {
		case err == nil:
			backoff.Reset()
			l.passUp(ms)
			l.r.buffers.Put(ms)
		case errors.Is(err, net.ErrClosed):
			return
		case udp.Transient(err):
			l.r.up.readErrors.Add(1)
			l.r.pause(backoff.Failed())
		default:
			l.r.shut(err)
			return
		}
		l.r.progress()
	}
}

// passUp passes requests to the link and sends those that arrive at once.
func (l *listener) passUp(ms []udp.Message) {
	l.r.mu.Lock()
	for i := range ms {
		l.pass(&ms[i])
	}
	l.r.mu.Unlock()
	for _, m := range l.pending {
		m.send(m.out.Messages)
		releaseBatch(m.out)
		m.out = nil
	}
	clear(l.pending)
	l.pending = l.pending[:0]
}

// pass passes the datagrams of a message to the link. The caller holds mu, which pass releases
// while it opens a mapping.
func (l *listener) pass(msg *udp.Message) {
	r := l.r
	m, dropped := r.mappingFor(l, msg)
	if m == nil {
		r.stats.Up.Received += uint64(msg.Count())
		*dropped += uint64(msg.Count())
		return
	}
	now := time.Now()
	m.use(now)
	for data := range datagrams(msg, &r.stats.Up) {
		l.arrivals = r.network().PassUp(l.arrivals[:0], r.at(now), data)
		r.observe(now, true, m, data, l.arrivals)
		for _, a := range l.arrivals {
			if a.Rebind {
				m = r.rebind(m)
			}
			l.arrive(now, m, a)
			if a.Rebind {
				now = time.Now() // the lock was released: others have advanced the link's time
			}
		}
	}
	m.use(now)
}

// arrive sends or delays a request.
func (l *listener) arrive(now time.Time, m *mapping, a link.Arrival) {
	if a.After > 0 {
		l.r.delay(now, m, true, a)
		return
	}
	if m.out == nil {
		m.out = newBatch(m.conn)
		l.pending = append(l.pending, m)
	}
	m.out.Append(a.Data, &udp.Message{})
}

// at returns the link's time. The caller holds mu.
func (r *Relay) at(now time.Time) time.Duration {
	if r.begun.IsZero() {
		r.begun = now
	}
	return now.Sub(r.begun)
}

func (r *Relay) observe(now time.Time, up bool, m *mapping, data []byte, arrivals []link.Arrival) {
	if r.Observe != nil {
		r.Observe(Event{now, up, m.key.peer, data, arrivals})
	}
}

// progress tells a test that a loop has completed a step.
func (r *Relay) progress() {
	if r.onProgress != nil {
		r.onProgress()
	}
}

// send passes responses to the kernel.
func (l *listener) send(ms []udp.Message) {
	if len(ms) == 0 {
		return
	}
	l.write.Lock()
	defer l.write.Unlock()
	deliver(l.conn, ms, &l.r.down)
}
