package relay

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

// A key identifies a client: its address, the address of this machine that it sends to, and the
// listener bound to that address. Only the goroutine of that listener opens mappings for the key.
type key struct {
	peer     netip.AddrPort
	local    netip.Addr
	listener *listener
}

// A mapping is a socket towards the server that carries the datagrams of one client.
type mapping struct {
	r       *Relay
	key     key
	ifIndex uint32
	conn    udp.Socket
	waiting atomic.Int64 // delayed datagrams in both directions
	used    atomic.Int64 // time of the last datagram in nanoseconds since the epoch
	source  *source
	retired bool // replaced by a newer mapping, or being closed; guarded by r.mu
	closing bool // guarded by r.mu

	hops     int      // hop limit of the last request, or 0 if unknown; used by listener.run only
	checked  uint64   // Group.added when previous was set; used by listener.run only
	previous *mapping // that the client's requests pass through, or nil; guarded by Group.mu

	out *udp.Batch // used by listener.run only; nil if empty
	due *udp.Batch // used by deliverDelayed only; nil if empty

	write sync.Mutex // serializes conn.Write
}

// mappingFor returns the mapping for the sender of msg. If there is none, it opens one. If msg must
// be dropped, it returns nil and the counter for that. The caller holds mu; see open.
func (r *Relay) mappingFor(l *listener, msg *udp.Message) (m *mapping, dropped *uint64) {
	k := key{msg.Peer, msg.Local, l}
	m = r.mappings[k]
	switch {
	case msg.HopLimit == 1, r.group.loops(r, msg.Peer, m):
		return nil, &r.stats.Loop
	case m != nil:
		m.limitHops(msg.HopLimit)
		return m, nil
	case portOf(msg.Peer) == portOf(r.server):
		return nil, &r.stats.Loop
	}
	if dropped = r.admit(l, msg.Peer); dropped != nil {
		return nil, dropped
	}
	if m = r.open(k, msg.IfIndex, msg.HopLimit); m == nil {
		return nil, &r.stats.NoMapping
	}
	return m, nil
}

// limitHops makes the next requests leave with one hop less than the one that has arrived with the
// given hop limit. 0 changes nothing. The requests that are delayed already leave with it too.
func (m *mapping) limitHops(hops int) {
	if hops > 1 && hops != m.hops {
		m.hops = hops
		_ = udp.SetHopLimit(m.conn, hops-1) // without it the other limits still hold
	}
}

// rebind replaces the mapping of a client. If no new one can be opened, the client keeps m.
func (r *Relay) rebind(m *mapping) *mapping {
	if next := r.open(m.key, m.ifIndex, m.hops); next != nil {
		return next
	}
	return m
}

// open opens a mapping and retires the one that the client has. It returns nil if that fails. The
// caller is the goroutine of k.listener and holds mu; open releases mu while it opens the socket.
func (r *Relay) open(k key, ifIndex uint32, hops int) *mapping {
	src := r.sourceOf(k.peer)
	src.mappings++
	conn := r.openSocket(k.listener, hops)
	if conn != nil && r.closed {
		conn.Close()
		conn = nil
	}
	if conn == nil {
		r.release(src)
		return nil
	}
	if old, ok := r.mappings[k]; ok {
		r.retire(old)
	}
	m := &mapping{r: r, key: k, ifIndex: ifIndex, conn: conn, source: src, hops: hops}
	m.use(time.Now())
	r.group.add(m)
	r.mappings[k], r.all[m] = m, struct{}{}
	r.mostMappings = max(r.mostMappings, len(r.all))
	r.stats.Opened++
	r.loops.Go(m.run) // ends when closeMappings or shut closes its socket
	return m
}

// openSocket opens a socket towards the server. If there is no room for it, openSocket evicts
// mappings. It returns nil if that fails. The caller holds mu, as for open.
func (r *Relay) openSocket(l *listener, hops int) udp.Socket {
	if r.full() {
		r.evict(l, nil)
	}
	for try := 0; try < 2 && !r.closed && !r.full(); try++ {
		r.opening++
		r.mu.Unlock()
		conn, err := r.connect(r.server)
		if err == nil && hops > 1 {
			_ = udp.SetHopLimit(conn, hops-1) // see limitHops
		}
		r.mu.Lock()
		r.opening--
		switch {
		case err == nil:
			return conn
		case !udp.TooManyFiles(err) && !errors.Is(err, errReserve):
			return nil
		case try == 0:
			r.evict(l, nil)
		}
	}
	return nil
}

// full reports whether the relay may open no further mapping. The caller holds mu.
func (r *Relay) full() bool {
	return len(r.all)+r.opening >= cmp.Or(r.MaxMappings, DefaultMaxMappings)
}

// errReserve reports that a socket would take a descriptor that the rest of the process needs.
var errReserve = errors.New("too few file descriptors are left")

// connect opens a socket towards the server.
func connect(server netip.AddrPort) (udp.Socket, error) {
	socket, err := udp.Dial(context.Background(), server.String())
	if err != nil {
		return nil, err
	}
	if udp.InReserve(socket) {
		socket.Close()
		return nil, errReserve
	}
	conn, err := udp.Connect(socket)
	if err != nil {
		socket.Close()
		return nil, err
	}
	return conn, nil
}

func (m *mapping) use(now time.Time) { m.used.Store(int64(now.Sub(m.r.epoch))) }

// expire closes the mappings that were last used before the given time and for which no datagram is
// delayed. The sockets are closed without the lock.
func (r *Relay) expire(before time.Duration) {
	r.mu.Lock()
	r.closeMappings(r.idleSince(before), &r.stats.Expired)
	many := r.mostMappings >= manyMappings && len(r.all) <= r.mostMappings/4
	if many {
		r.mostMappings = len(r.all)
	}
	r.mu.Unlock()
	if many {
		debug.FreeOSMemory()
	}
}

// manyMappings is the number of mappings from which on the relay returns their memory to the system when
// three quarters of them have expired. Each takes about 8 KiB, mostly for the stack of its goroutine, and
// an idle process collects garbage every two minutes only.
const manyMappings = 1024

// run passes responses until the socket is closed.
func (m *mapping) run() {
	var backoff udp.Backoff
	for {
		ms, err := m.conn.ReadPooled(&m.r.buffers)
		switch {
		case err == nil:
			backoff.Reset()
			m.passDown(ms)
			m.r.buffers.Put(ms)
		case errors.Is(err, net.ErrClosed):
			return
		case udp.Refused(err):
			m.r.up.unreachable.Add(1)
		default:
			m.r.down.readErrors.Add(1)
			m.r.pause(backoff.Failed())
		}
		m.r.progress()
	}
}

// passDown passes responses to the link and sends those that arrive at once.
func (m *mapping) passDown(ms []udp.Message) {
	b := newBatch(m.key.listener.conn)
	defer releaseBatch(b)
	r := m.r
	r.mu.Lock()
	now := time.Now() // with the lock held, so that the link's time does not decrease
	m.use(now)
	for i := range ms {
		for data := range datagrams(&ms[i], &r.stats.Down) {
			r.arrivals = r.network().PassDown(r.arrivals[:0], r.at(now), data)
			r.observe(now, false, m, data, r.arrivals)
			for _, a := range r.arrivals {
				m.arrive(now, a, b)
			}
		}
	}
	r.mu.Unlock()
	m.key.listener.send(b.Messages)
}

// arrive appends a response to b, or delays or drops it. The caller holds r.mu.
func (m *mapping) arrive(now time.Time, a link.Arrival, b *udp.Batch) {
	switch {
	case m.retired, m.r.draining && a.After > 0:
		m.r.stats.Down.Unmapped++
	case a.After > 0:
		m.r.delay(now, m, false, a)
	default:
		to := m.message(nil)
		b.Append(a.Data, &to)
	}
}

// message returns a response to the client.
func (m *mapping) message(data []byte) udp.Message {
	return udp.Message{Buf: data, Peer: m.key.peer, Local: m.key.local, IfIndex: m.ifIndex}
}

// send passes requests to the kernel.
func (m *mapping) send(ms []udp.Message) {
	m.write.Lock()
	defer m.write.Unlock()
	deliver(m.conn, ms, &m.r.up)
}
