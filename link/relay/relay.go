// Package relay puts a bad network between UDP clients and their server: it takes what they send, lets a
// [link.Link] decide what becomes of each datagram, and passes on what arrives when it arrives.
//
// # Use
//
//	r := &relay.Relay{To: "127.0.0.1:3000", Link: &link.Link{Seed: 1, Up: bad, Down: bad}}
//	if err := r.Start(ctx); err != nil { ... }
//	defer r.Close()
//	// clients ask r.Addr() now
//
// Each client has a port of its own towards the server, as behind an address translator, and gets the
// server's answers from the address that it asked. A port on which nothing has passed for a while is
// forgotten, and whoever asks from the same address after that has a new one.
//
// # The same again
//
// With the same seed the n-th datagram of a direction has the same fate as on the network in memory
// (ohcetest.Impair), whoever sends it.
//
// # Time
//
// Delays begin when the relay has read a datagram, and end when it hands it to the kernel. What is not
// delayed is passed on at once by whoever read it.
//
// # Platforms
//
// On Linux datagrams are read and written in batches and segments, and ports wait without buffers;
// elsewhere each port has a buffer of 64 KiB. A client never hears "port unreachable" through a relay:
// what the network says of the server is counted in Stats.
package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

// What the fields are where they are 0.
const (
	DefaultIdle     = time.Minute
	DefaultMaxPorts = 16_384
	DefaultMaxBytes = 64 << 20
)

// A Relay carries datagrams between clients and a server. Its exported fields must not be changed once
// it has started.
type Relay struct {
	// Listen is the "host:port" that clients send to. "" is "127.0.0.1:0"; port 0 is any free port, and
	// an empty host every address of this machine.
	Listen string

	// To is the server's "host:port". A name is resolved once, by Start.
	To string

	// Link decides what becomes of each datagram. It is the relay's from Start on, and begins with the
	// first datagram; Change and Stats are the ways to it. nil passes everything.
	Link *link.Link

	// Idle is how long nothing must have passed on a port until it is forgotten. 0 means DefaultIdle;
	// negative is an error.
	Idle time.Duration

	// MaxPorts is how many ports are open at once at most; a request that would need one more is dropped
	// and counted (Stats.NoPort). Each is a file descriptor, and the system may grant less. 0 means
	// DefaultMaxPorts; negative is an error.
	MaxPorts int

	// MaxBytes is how many bytes of datagrams are kept at most while they are delayed; what comes when
	// they are there is dropped and counted (Way.Crowded). 0 means DefaultMaxBytes; negative is an error.
	MaxBytes int

	// Observe is told what becomes of each datagram. It is called with the relay's lock held, must be
	// quick, and must neither call the relay nor keep the event's slices. nil tells nobody.
	Observe func(Event)

	addr, server netip.AddrPort
	fronts       []*front
	buffers      udp.BufferPool
	later        *later
	done         chan struct{}
	loops        sync.WaitGroup // of sockets, of what is delayed, and of what is idle

	mu       sync.Mutex
	epoch    time.Time // what times count from
	begun    time.Time // of the link: the first datagram
	model    *link.Link
	arrivals []link.Arrival
	ports    map[key]*port
	all      map[*port]struct{} // those that are retired too
	stats    Stats
	closed   bool
	err      error

	up, down tally
}

// A Way is what a Relay has done in one direction. Received = Seen + Oversize (+ Stats.NoPort, on the
// way up), and Delivered + Duplicated = Sent + Unsent + Crowded + Forgotten + Waiting, but for what is
// just being passed on.
type Way struct {
	link.Stats
	// Received counts the datagrams read, Oversize those of them that were longer than a datagram can
	// be read.
	Received, Oversize uint64
	// Sent counts the datagrams handed to the kernel, Unsent those that it refused.
	Sent, Unsent uint64
	// Crowded counts those that were to be delayed and found no room (Relay.MaxBytes).
	Crowded uint64
	// Forgotten counts answers to a port that its client does not have any more.
	Forgotten uint64
	// Waiting is how many are delayed now.
	Waiting uint64
	// KernelDropped is how many the kernel threw away before they were read.
	KernelDropped uint64
}

// Stats is what a Relay has done.
type Stats struct {
	Up, Down Way
	// Ports is how many are open now; Opened counts all, Expired those that were idle.
	Ports           int
	Opened, Expired uint64
	// NoPort counts requests that were dropped because no port could be had.
	NoPort uint64
	// Refused counts how often the network said that nobody listens at the server's address.
	Refused uint64
	// ReadErrors counts reads that failed otherwise, but for the end.
	ReadErrors uint64
}

// tally are the counts that are not made under the lock.
type tally struct{ sent, unsent, refused, readErrors atomic.Uint64 }

// An Event is what becomes of one datagram.
type Event struct {
	Time   time.Time
	Up     bool           // a request; else an answer
	Client netip.AddrPort // who sends it or is to get it
	Data   []byte         // as it came
	// Arrivals are what arrives of it and after what time. None: it is lost.
	Arrivals []link.Arrival
}

// An AddrError says which address of a relay could not be had, and why.
type AddrError struct {
	Field string // "listen" or "to"
	Addr  string
	Err   error
}

func (e *AddrError) Error() string { return fmt.Sprintf("%s %s: %v", e.Field, e.Addr, e.Err) }
func (e *AddrError) Unwrap() error { return e.Err }

// InUse reports whether another socket has the address.
func (e *AddrError) InUse() bool { return udp.Taken(e.Err) }

// Start binds the address and begins. ctx bounds the resolving of names alone. The error is an
// *AddrError, a *link.FieldError of Link, or names a field with a bad value.
func (r *Relay) Start(ctx context.Context) error {
	if err := r.check(); err != nil {
		return err
	}
	if err := r.findServer(ctx); err != nil {
		return &AddrError{"to", r.To, err}
	}
	addr := cmp.Or(r.Listen, "127.0.0.1:0")
	conns, bound, err := udp.Listen(ctx, addr, 1)
	if err != nil {
		return &AddrError{"listen", addr, err}
	}
	r.addr, r.model = bound, cmp.Or(r.Link, &link.Link{})
	r.epoch, r.done = time.Now(), make(chan struct{})
	r.ports, r.all = make(map[key]*port), make(map[*port]struct{})
	r.later = newLater(cmp.Or(r.MaxBytes, DefaultMaxBytes), r.epoch)
	for _, c := range conns {
		f := &front{r: r, conn: c}
		r.fronts = append(r.fronts, f)
		r.loops.Go(f.run) // ends when its socket does, as all of them
	}
	r.loops.Go(r.deliverLater)
	r.loops.Go(r.expire)
	go func() { // ends when all of them have
		r.loops.Wait()
		close(r.done)
	}()
	return nil
}

func (r *Relay) check() error {
	switch {
	case r.done != nil:
		return errors.New("relay: it has been started before")
	case r.Idle < 0:
		return fmt.Errorf("relay: Idle is %v, want at least 0", r.Idle)
	case r.MaxPorts < 0:
		return fmt.Errorf("relay: MaxPorts is %d, want at least 0", r.MaxPorts)
	case r.MaxBytes < 0:
		return fmt.Errorf("relay: MaxBytes is %d, want at least 0", r.MaxBytes)
	case r.Link == nil:
		return nil
	default:
		return r.Link.Check()
	}
}

// findServer resolves To to an address that a socket can be connected to.
func (r *Relay) findServer(ctx context.Context) error {
	c, err := udp.Dial(ctx, r.To)
	if err != nil {
		return err
	}
	defer c.Close()
	u, ok := c.RemoteAddr().(*net.UDPAddr)
	if !ok {
		return fmt.Errorf("%v is no UDP address", c.RemoteAddr())
	}
	r.server = netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), u.AddrPort().Port())
	return nil
}

// Addr is the address that clients are to ask, after Start.
func (r *Relay) Addr() netip.AddrPort { return r.addr }

// Server is the address that To stands for, after Start.
func (r *Relay) Server() netip.AddrPort { return r.server }

// Impairments is what the link does at the moment in both directions.
func (r *Relay) Impairments() (up, down link.Impairment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.model.Does()
}

// Change lets f change what the link does, both directions at once. Where f returns an error, or what
// it leaves makes no sense, nothing has changed, and Change returns that error.
func (r *Relay) Change(f func(up, down *link.Impairment) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	up, down := r.model.Does()
	if err := f(&up, &down); err != nil {
		return err
	}
	if err := (&link.Link{Up: up, Down: down}).Check(); err != nil {
		return err
	}
	r.model.Set(up, down)
	return nil
}

// Stats is what the relay has done so far.
func (r *Relay) Stats() Stats {
	waitingUp, waitingDown := r.later.waiting()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Up.Stats, s.Down.Stats = r.model.Stats()
	s.Up.Sent, s.Up.Unsent, s.Up.Waiting = r.up.sent.Load(), r.up.unsent.Load(), waitingUp
	s.Down.Sent, s.Down.Unsent, s.Down.Waiting = r.down.sent.Load(), r.down.unsent.Load(), waitingDown
	s.Ports = len(r.all)
	s.Refused = r.up.refused.Load()
	s.ReadErrors = r.up.readErrors.Load() + r.down.readErrors.Load()
	for _, f := range r.fronts {
		s.Up.KernelDropped += f.conn.KernelDropped()
	}
	for p := range r.all {
		s.Down.KernelDropped += p.conn.KernelDropped()
	}
	return s
}

// Done is closed when the relay has ended, by Close or by an error of its socket; see Err.
func (r *Relay) Done() <-chan struct{} { return r.done }

// Err is why the relay ended without Close, or nil.
func (r *Relay) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close ends the relay and waits for that. What is delayed at that time does not arrive; Stats keeps
// counting it as Waiting. It returns Err.
func (r *Relay) Close() error {
	if r.done == nil {
		return nil
	}
	r.shut(nil)
	<-r.done
	return r.Err()
}

// shut closes all sockets, so that all loops end.
func (r *Relay) shut(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed, r.err = true, err
	for _, f := range r.fronts {
		f.conn.Close()
	}
	for p := range r.all {
		p.conn.Close()
	}
	r.later.close()
}

// expire forgets ports on which nothing has passed for long.
func (r *Relay) expire() {
	idle := cmp.Or(r.Idle, DefaultIdle)
	tick := time.NewTicker(max(idle/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.forget(time.Since(r.epoch) - idle)
		case <-r.later.closed:
			return
		}
	}
}

// forget closes the ports that were last used before a time and have nothing on the way.
func (r *Relay) forget(before time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.all {
		if p.waiting.Load() == 0 && time.Duration(p.used.Load()) < before { // in this order; see gone
			r.drop(p)
			r.stats.Expired++
		}
	}
}
