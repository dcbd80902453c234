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
type port struct {
	r       *Relay
	key     key
	ifIndex uint32
	front   *front // the socket that the client asks
	conn    udp.Socket
	waiting atomic.Int64 // datagrams delayed for it, in both directions
	used    atomic.Int64 // when something last passed, in nanoseconds since the epoch
	retired bool         // its client has another one now; guarded by r.mu

	out  udp.Batch     // the front's own
	late []udp.Message // of the loop that delivers what was delayed

	write sync.Mutex // guards conn.Write
}

// portFor finds the port of who sent m, or opens one; nil if none can be had. It is called with mu
// held.
func (r *Relay) portFor(f *front, m *udp.Message) *port {
	k := key{m.Peer, m.Local}
	if p, ok := r.ports[k]; ok {
		return p
	}
	return r.open(k, f, m.IfIndex)
}

// open makes a new port for a client, which retires the one that it had.
func (r *Relay) open(k key, f *front, ifIndex uint32) *port {
	if r.closed || len(r.all) >= cmp.Or(r.MaxPorts, DefaultMaxPorts) {
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
	if old, ok := r.ports[k]; ok {
		old.retired = true
	}
	p := &port{r: r, key: k, ifIndex: ifIndex, front: f, conn: conn}
	p.out.MaxSegments = conn.MaxSegments
	p.use(time.Now())
	r.ports[k], r.all[p] = p, struct{}{}
	r.stats.Opened++
	r.loops.Go(p.run) // ends when its socket is closed, by drop or shut
	return p
}

func (p *port) use(now time.Time) { p.used.Store(int64(now.Sub(p.r.epoch))) }

// drop closes a port and forgets it. It is called with mu held.
func (r *Relay) drop(p *port) {
	p.conn.Close()
	r.stats.Down.KernelDropped += p.conn.KernelDropped()
	delete(r.all, p)
	if !p.retired {
		delete(r.ports, p.key)
	}
}

// run passes on what the server answers.
func (p *port) run() {
	out := udp.Batch{MaxSegments: p.front.conn.MaxSegments}
	var backoff udp.Backoff
	for {
		ms, err := p.conn.ReadPooled(&p.r.buffers)
		switch {
		case err == nil:
			backoff.Reset()
			p.r.passDown(p, ms, &out)
			p.front.send(out.Messages, &p.r.down)
			out.Reset()
			p.r.buffers.Put(ms)
		case errors.Is(err, net.ErrClosed):
			return
		case udp.Refused(err):
			p.r.up.refused.Add(1)
		default:
			p.r.down.readErrors.Add(1)
			p.r.pause(backoff.Failed())
		}
	}
}

// passDown lets answers pass the link and appends to out what arrives at once.
func (r *Relay) passDown(p *port, ms []udp.Message, out *udp.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now() // under the lock, so that the link's time does not go back
	p.use(now)
	to := p.message(nil)
	for i := range ms {
		for data := range datagrams(&ms[i], &r.stats.Down) {
			r.arrivals = r.model.PassDown(r.arrivals[:0], r.at(now), data)
			r.observe(now, false, p, data)
			for _, a := range r.arrivals {
				switch {
				case p.retired:
					r.stats.Down.Forgotten++
				case a.After > 0:
					r.delay(now, p, false, a)
				default:
					out.Append(a.Data, &to)
				}
			}
		}
	}
}

// message is an answer to the port's client.
func (p *port) message(data []byte) udp.Message {
	return udp.Message{Buf: data, Peer: p.key.peer, Local: p.key.local, IfIndex: p.ifIndex}
}

// send hands requests to the kernel.
func (p *port) send(ms []udp.Message) {
	p.write.Lock()
	defer p.write.Unlock()
	deliver(p.conn, ms, &p.r.up)
}

// pause keeps a socket that fails again and again from using the whole processor. It ends early when the
// relay does.
func (r *Relay) pause(d time.Duration) {
	if d == 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.later.closed:
	}
}
