// Package relay carries datagrams between UDP clients and their server over a bad network. A
// [link.Link] decides for each datagram whether it arrives, when, how often and with which content.
//
// # Use
//
//	r := &relay.Relay{To: "127.0.0.1:3000", Link: &link.Link{Seed: 1, Up: bad, Down: bad}}
//	if err := r.Listen(ctx); err != nil { ... }
//	go r.Serve()
//	defer r.Close()
//	// clients send to r.LocalAddr() now
//
// # Mappings
//
// Each client has its own socket, and so its own port, towards the server: a mapping in the sense
// of RFC 4787. The client gets the responses from the address that it sent its request to. The
// relay closes a mapping that is idle for a while, or the longest-idle ones to make room; the next request of that client opens a new one.
//
// # Loops
//
// A relay must not forward to itself, directly or through other relays. Listen refuses a relay that
// would. A relay drops a request that has passed it before if it can tell: from the ports of the
// relays of its [Group], and from the hop limit. Like a router, a relay decrements the hop limit of
// each request, and drops a request whose hop limit is exhausted. A relay also drops a request that
// has the server's address as its source: the response would be the server's next request.
// MaxNewMappings bounds the remaining loops.
//
// # Reproducible runs
//
// All clients share the link. With the same seed the n-th datagram of a direction has the same fate
// as on an in-memory network (ohcetest.Impair), whichever client sends it.
//
// # Time
//
// A delay begins when the relay has read a datagram and ends when the relay passes it to the
// kernel. A datagram without a delay is sent by the goroutine that read it.
//
// # Platforms
//
// On Linux the relay reads and writes batches, keeps segments (GSO, GRO) together, and an idle
// mapping holds no buffer. Elsewhere each mapping has a buffer of 64 KiB, and hop limits have no
// effect. A client never gets an ICMP port unreachable message through a relay; Stats counts those
// from the server.
package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

// Defaults of the fields of a Relay that are zero.
const (
	DefaultIdleTimeout = time.Minute
	DefaultMaxMappings = 16_384
	DefaultMaxBytes    = 64 << 20

	DefaultMaxNewMappings = 5000

	DefaultMaxMappingsPerAddress    = 4096
	DefaultMaxNewMappingsPerAddress = 1000
)

// A Relay carries datagrams between clients and a server. Its exported fields must not be changed
// after Listen. Its methods may be called from several goroutines.
type Relay struct {
	// Addr is the "host:port" that clients send to. "" means "127.0.0.1:0". Port 0 is a free port,
	// and an empty host is every address of this machine.
	Addr string

	// To is the server's "host:port". Listen resolves a host name once.
	To string

	// Link decides the fate of each datagram. It belongs to the relay from Listen on; use Change
	// and Stats to reach it. Its time begins with the first datagram. nil passes everything.
	Link *link.Link

	// IdleTimeout is the time without datagrams after which the relay closes a mapping. 0 means
	// DefaultIdleTimeout; negative is an error.
	IdleTimeout time.Duration

	// MaxMappings limits the number of open mappings. If a new client needs one more, the relay closes
	// the longest-idle mappings and counts them in Stats.Evicted. It does the same if the process
	// has few file descriptors left: each mapping takes one, and the relay leaves 64 of them, or a
	// quarter if the process may open fewer than 256, to the rest of the process. (On systems other
	// than Linux it leaves none.) If no mapping can be closed, the relay drops the request and
	// counts it in Stats.NoMapping. 0 means DefaultMaxMappings; negative is an error.
	MaxMappings int

	// MaxNewMappings limits the number of mappings that the relay opens for new clients in a second.
	// The relay drops a request that needs one more and counts it in Stats.PortLimit. 0 means
	// DefaultMaxNewMappings; negative is an error.
	MaxNewMappings int

	// MaxMappingsPerAddress limits the number of open mappings of clients with the same address. If
	// one more is needed, the relay closes the longest-idle ones of that address. For IPv6 the clients
	// in a /64 prefix have the same address. MaxNewMappingsPerAddress limits the number of mappings
	// that the relay opens for these clients in a second. The relay drops a request that needs one
	// more and counts it in Stats.AddressLimit. The users behind an address translator share an
	// address. 0 means DefaultMaxMappingsPerAddress and DefaultMaxNewMappingsPerAddress; negative is
	// an error.
	MaxMappingsPerAddress    int
	MaxNewMappingsPerAddress int

	// Group holds the relays among which this one recognises loops. nil means this relay alone.
	Group *Group

	// MaxBytes limits the memory in bytes of delayed datagrams. The relay drops further ones and
	// counts them in DirectionStats.BufferFull. 0 means DefaultMaxBytes; negative is an error.
	MaxBytes int

	// Observe, if non-nil, receives an event for each datagram. The relay calls it with a lock
	// held: it must be quick, must not call the relay, and must not keep the slices of the event.
	Observe func(Event)

	addr, server  netip.AddrPort // set by Listen
	serverIsLocal bool           // set by Listen: server is an address of this machine
	listeners     []*listener
	delays        *delayer
	buffers       udp.BufferPool
	loops         sync.WaitGroup                           // the goroutines of Serve
	connect       func(netip.AddrPort) (udp.Socket, error) // opens the socket of a mapping
	onProgress    func()                                   // set by tests; see progress
	group         *Group

	mu           sync.Mutex
	listening    bool
	done         chan struct{} // made by Serve, closed when its goroutines have ended
	draining     bool          // Shutdown waits for the delayed datagrams; no response is delayed
	closed       bool
	err          error     // what ended Serve, if not Close
	epoch        time.Time // origin of the times of mappings and delays
	begun        time.Time // origin of the link's time: the first datagram
	model        *link.Link
	arrivals     []link.Arrival // of the current response
	mappings     map[key]*mapping
	opening      int // mappings that are being opened
	newMappings  bucket
	sources      map[netip.Prefix]*source
	mostMappings int                   // in all, since memory was last returned to the system
	all          map[*mapping]struct{} // includes retired ones
	stats        Stats

	up, down tally
}

// ErrClosed is returned by Listen and Serve after Shutdown or Close. errors.Is reports that it is
// net.ErrClosed.
var ErrClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string { return "relay: closed" }
func (closedError) Unwrap() error { return net.ErrClosed }

// An Event describes the fate of one datagram.
type Event struct {
	Time   time.Time
	Up     bool           // a request; otherwise a response
	Client netip.AddrPort // sender of the request or receiver of the response
	Data   []byte         // content before the link changed it
	// Arrivals lists the datagrams that arrive, with their delays. It is empty if the datagram is lost.
	Arrivals []link.Arrival
}

// An AddrError reports that a relay cannot use one of its addresses.
type AddrError struct {
	Op   string // "listen" for Relay.Addr, "dial" for Relay.To
	Addr string
	Err  error
}

func (e *AddrError) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Addr, e.Err) }
func (e *AddrError) Unwrap() error { return e.Err }

// InUse reports whether another socket is bound to the address.
func (e *AddrError) InUse() bool { return udp.Taken(e.Err) }

// addrError leaves out the part of err that repeats the operation and the address.
func addrError(op, addr string, err error) error {
	var inner *net.OpError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &AddrError{op, addr, err}
}

// Listen resolves To and binds Addr. If ctx is done first, it returns an error. The error is an
// *AddrError, a *link.FieldError about Link, an error about another field, or ErrClosed. After an
// error Listen may be called again.
func (r *Relay) Listen(ctx context.Context) error {
	if err := r.check(); err != nil {
		return err
	}
	server, err := resolve(ctx, r.To)
	if err != nil {
		return addrError("dial", r.To, err)
	}
	conns, bound, err := r.bind(ctx, server)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.listening {
		for _, c := range conns {
			c.Close()
		}
		return r.startError()
	}
	r.listening, r.addr, r.server, r.epoch = true, bound, server, time.Now()
	r.serverIsLocal = isLocal(server.Addr().WithZone(""))
	r.mappings, r.all = make(map[key]*mapping), make(map[*mapping]struct{})
	r.sources = make(map[netip.Prefix]*source)
	r.delays = newDelayer(cmp.Or(r.MaxBytes, DefaultMaxBytes), r.epoch)
	if r.connect == nil {
		r.connect = connect
	}
	r.group = cmp.Or(r.Group, &Group{})
	r.newMappings = bucket{perSecond: cmp.Or(r.MaxNewMappings, DefaultMaxNewMappings)}
	for _, c := range conns {
		r.listeners = append(r.listeners, &listener{r: r, conn: c, done: make(chan struct{})})
	}
	return nil
}

// bind binds Addr. It fails if datagrams to server arrive there.
func (r *Relay) bind(ctx context.Context, server netip.AddrPort) (
	conns []udp.Socket, bound netip.AddrPort, err error,
) {
	addr := cmp.Or(r.Addr, "127.0.0.1:0")
	if conns, bound, err = udp.Listen(ctx, addr, 1); err != nil {
		return nil, bound, addrError("listen", addr, err)
	}
	if reaches(server, bound) {
		for _, c := range conns {
			c.Close()
		}
		return nil, bound, &AddrError{"dial", r.To, ErrLoop}
	}
	for _, c := range conns {
		_ = udp.ReportHopLimit(c) // without it the other limits still hold
	}
	return conns, bound, nil
}

func (r *Relay) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed || r.listening:
		return r.startError()
	case r.IdleTimeout < 0:
		return fmt.Errorf("relay: IdleTimeout is %v: must not be negative", r.IdleTimeout)
	case r.MaxMappings < 0:
		return fmt.Errorf("relay: MaxMappings is %d: must not be negative", r.MaxMappings)
	case r.MaxNewMappings < 0:
		return fmt.Errorf("relay: MaxNewMappings is %d: must not be negative", r.MaxNewMappings)
	case r.MaxMappingsPerAddress < 0:
		return fmt.Errorf("relay: MaxMappingsPerAddress is %d: must not be negative", r.MaxMappingsPerAddress)
	case r.MaxNewMappingsPerAddress < 0:
		return fmt.Errorf("relay: MaxNewMappingsPerAddress is %d: must not be negative",
			r.MaxNewMappingsPerAddress)
	case r.MaxBytes < 0:
		return fmt.Errorf("relay: MaxBytes is %d: must not be negative", r.MaxBytes)
	default:
		return r.network().Check()
	}
}

// startError returns the error of Listen on a relay that is closed or listens already. The caller
// holds mu.
func (r *Relay) startError() error {
	if r.closed {
		return ErrClosed
	}
	return errors.New("relay: Listen called twice")
}

// resolve returns the first address of addr that a socket can be connected to.
func resolve(ctx context.Context, addr string) (netip.AddrPort, error) {
	c, err := udp.Dial(ctx, addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer c.Close()
	u, ok := c.RemoteAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%v is not a UDP address", c.RemoteAddr())
	}
	return netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), u.AddrPort().Port()), nil
}

// LocalAddr returns the address that clients send to. It is invalid before Listen.
func (r *Relay) LocalAddr() netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addr
}

// ServerAddr returns the address of the server. It is invalid before Listen.
func (r *Relay) ServerAddr() netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.server
}

// network returns the model of the network. The caller holds mu.
func (r *Relay) network() *link.Link {
	if r.model == nil {
		r.model = cmp.Or(r.Link, &link.Link{})
	}
	return r.model
}

// Impairments returns the impairments in effect.
func (r *Relay) Impairments() (up, down link.Impairment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.network().Current()
}

// Change lets f change both impairments at once. If f returns an error or leaves an invalid value,
// nothing changes and Change returns the error. f must not call the relay.
func (r *Relay) Change(f func(up, down *link.Impairment) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	up, down := r.network().Current()
	if err := f(&up, &down); err != nil {
		return err
	}
	if err := (&link.Link{Up: up, Down: down}).Check(); err != nil {
		return err
	}
	r.model.Set(up, down)
	return nil
}

// Schedule returns the schedule of the link. The caller must not change it.
func (r *Relay) Schedule() []link.Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.network().Schedule
}

// SetSchedule replaces the schedule of the link. See link.Link.SetSchedule. It keeps phases. If a
// phase is invalid, nothing changes and the error is a *link.FieldError.
func (r *Relay) SetSchedule(phases []link.Phase) error {
	if err := (&link.Link{Schedule: phases}).Check(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.network().SetSchedule(phases)
	return nil
}

// Stats returns the counters. They remain available after Close.
func (r *Relay) Stats() Stats {
	s, listeners, mappings := r.counters()
	for _, l := range listeners { // without the lock: each one may take a system call
		s.Up.KernelDropped += l.conn.KernelDropped()
	}
	for _, m := range mappings {
		s.Down.KernelDropped += m.conn.KernelDropped()
	}
	return s
}

// counters returns all counters but those of open sockets, which it returns too.
func (r *Relay) counters() (s Stats, listeners []*listener, mappings []*mapping) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s = r.stats
	s.Up.Stats, s.Down.Stats = r.network().Stats()
	s.Up.Sent, s.Up.Unsent = r.up.sent.Load(), r.up.unsent.Load()
	s.Down.Sent, s.Down.Unsent = r.down.sent.Load(), r.down.unsent.Load()
	if r.delays != nil {
		s.Up.Delayed, s.Down.Delayed = r.delays.waiting()
	}
	if !r.closed {
		s.Mappings = uint64(len(r.all))
	}
	s.PortUnreachable = r.up.unreachable.Load()
	s.ReadErrors = r.up.readErrors.Load() + r.down.readErrors.Load()
	return s, r.listeners, slices.Collect(maps.Keys(r.all))
}
