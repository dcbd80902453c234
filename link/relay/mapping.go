package relay

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// A key tells clients apart: by where they are, and by which of this machine's addresses they ask.
type key struct {
	peer  netip.AddrPort
	local netip.Addr
}

// A port is a socket towards the server that carries the datagrams of one client.
type mapping struct {
	r        *Relay
	key      key
	ifIndex  uint32
	listener *listener // the socket that the client asks
	conn     udp.Conn
	waiting  atomic.Int64 // datagrams delayed for it, in both directions
	used     atomic.Int64 // when something last passed, in nanoseconds since the epoch
	retired  bool         // its client has another one now; guarded by r.mu

	out []udp.Message // the listener's own
	due []udp.Message // of the loop that delivers what was delayed

	write sync.Mutex // guards conn.Write
}

// mappingFor finds the port of who sent m, or opens one; nil if none can be had. It is called with mu
// held.
func (r *Relay) mappingFor(f *listener, m *udp.Message) *mapping {
	k := key{m.Peer, m.Local}
	if p, ok := r.mappings[k]; ok {
		return p
	}
	return r.open(k, f, m.IfIndex)
}

// open makes a new port for a client, which retires the one that it had.
func (r *Relay) open(k key, f *listener, ifIndex uint32) *mapping {
	if r.closed || len(r.all) >= cmp.Or(r.MaxMappings, DefaultMaxMappings) {
		return nil
	}
	socket, err := udp.Dial(context.Background(), r.server.String())
	if err != nil {
		return nil
	}
	conn, err := udp.Connect(socket)
	if err != nil {
		socket.Close()
		return nil
	}
	if old, ok := r.mappings[k]; ok {
		old.retired = true
	}
	p := &mapping{r: r, key: k, ifIndex: ifIndex, listener: f, conn: conn}
	p.use(time.Now())
	r.mappings[k], r.all[p] = p, struct{}{}
	r.stats.Opened++
	r.loops.Go(p.run) // ends when its socket is closed, by drop or shut
	return p
}

func (p *mapping) use(now time.Time) { p.used.Store(int64(now.Sub(p.r.epoch))) }

// drop closes a port and forgets it. It is called with mu held.
func (r *Relay) drop(p *mapping) {
	p.conn.Close()
	r.stats.Down.KernelDropped += p.conn.KernelDrops()
	delete(r.all, p)
	if !p.retired {
		delete(r.mappings, p.key)
	}
}

// run passes on what the server answers.
func (p *mapping) run() {
	out := make([]udp.Message, 0, udp.MaxWidth)
	var failures failures
	for {
		ms, err := p.conn.ReadLent(&p.r.lender)
		switch {
		case err == nil:
			failures = 0
			out = p.r.passDown(p, ms, out[:0])
			p.listener.send(out, &p.r.down)
			p.r.lender.Return(ms)
		case errors.Is(err, net.ErrClosed):
			return
		case udp.Refused(err):
			p.r.up.refused.Add(1)
		default:
			p.r.down.readErrors.Add(1)
			failures.pause(p.r.delays.closed)
		}
	}
}

// passDown lets answers pass the link and appends to out what arrives at once.
func (r *Relay) passDown(p *mapping, ms, out []udp.Message) []udp.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now() // under the lock, so that the link's time does not go back
	p.use(now)
	for i := range ms {
		for data := range datagrams(&ms[i], &r.stats.Down) {
			r.arrivals = r.model.PassDown(r.arrivals[:0], r.at(now), data)
			r.observe(now, false, p, data)
			for _, a := range r.arrivals {
				switch {
				case p.retired:
					r.stats.Down.Unmapped++
				case a.After > 0:
					r.delay(now, p, false, a)
				default:
					out = appendTo(out, p.message(a.Data), p.listener.conn)
				}
			}
		}
	}
	return out
}

// message is an answer to the port's client.
func (p *mapping) message(data []byte) udp.Message {
	return udp.Message{Buf: data, Peer: p.key.peer, Local: p.key.local, IfIndex: p.ifIndex}
}

// send hands requests to the kernel.
func (p *mapping) send(ms []udp.Message) {
	p.write.Lock()
	defer p.write.Unlock()
	deliver(patient{p.conn, &p.r.up}, ms, &p.r.up)
}

// A patient sends again what was not sent because of the network's word about an earlier datagram
// (Linux: udp(7), ERRORS).
type patient struct {
	udp.Conn
	tally *tally
}

func (c patient) Write(ms []udp.Message) (sent int, err error) {
	for again := false; ; again = true {
		n, err := c.Conn.Write(ms[sent:])
		if sent += n; !udp.Refused(err) {
			return sent, err
		}
		c.tally.refused.Add(1)
		if n == 0 && again {
			return sent, err
		}
	}
}

// failures counts reads in a row that failed.
type failures int

// pause keeps a socket that fails again and again from taking the processor.
func (f *failures) pause(end <-chan struct{}) {
	const free, wait = 16, 10 * time.Millisecond
	if *f++; *f <= free {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-end:
	}
}
