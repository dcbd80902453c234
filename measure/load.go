package measure

import (
	"context"
	"errors"
	"iter"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/udp"
)

// A Load sends requests at their due times, at up to millions a second, and reports totals. For the
// result of each request, use a [Prober]. The zero value sends empty datagrams
// to ohce.DefaultAddr and accepts any response. The fields must not be changed during Run.
type Load struct {
	// Addr is the address of the server. If empty, it is ohce.DefaultAddr.
	Addr string
	// Number returns the number of the request that a datagram is the right response to, or false if
	// it is none. Several goroutines call it at once. If not nil, it replaces Match, and is faster.
	Number func(response []byte) (n int, ok bool)
	// Match finds the request that a response belongs to. A response with a key that several requests
	// in flight share is matched to the oldest of them. A response that Match.Accept rejects is wrong.
	// If Match and Number are nil, each request leaves from a port of its own, which limits the rate to
	// a few thousand requests a second. Clients, Segments, MaxInFlight and ReceiveBuffer then have no
	// effect.
	Match *ohce.Matcher
	// Dial opens a socket. If nil, Run dials a UDP socket.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Request appends request n, from 1, to dst. If nil, each request is an empty datagram. Several
	// goroutines call it at once.
	Request func(dst []byte, n int) []byte
	// Check returns nil if a response is right, and otherwise the reason why it is wrong. If nil,
	// every response that belongs to a request is right. Several goroutines call it at once. It must not
	// retain its arguments.
	Check func(request, response []byte) error

	// Clients is the number of sockets, each with a port of its own, that take turns. At most
	// GOMAXPROCS goroutines share them, so one client uses one core. If it is not positive, it is 1.
	Clients int
	// Closed, if positive, makes the load a closed loop: it keeps this number of requests in flight.
	// The due times then determine only the number of requests, and each request is due when it is
	// sent. A closed loop hides the stalls of the server.
	Closed int
	// Duration, if positive, ends a closed loop. It has no effect on an open loop.
	Duration time.Duration
	// Timeout is how long a request waits for its response. If it is not positive, it is 1 s. A
	// request that would be sent more than Timeout after its due time is not sent.
	Timeout time.Duration
	// MaxInFlight is the number of requests that a socket remembers, rounded up to a power of two. The
	// next request is not sent while the one that is MaxInFlight requests older is in flight. In an open
	// loop, it then counts in Own.Refused. In a closed loop, the worker waits, with all of its sockets. So
	// that lost requests have no such effect, choose the rate of a socket times Timeout, and a tenth more.
	// If MaxInFlight is not positive, it is 131,072. A request takes 40 bytes, 56 with Match, and
	// additionally its own length if Check or Match.Accept is not nil.
	MaxInFlight int
	// Segments passes requests of equal size that are due within 50 us to the kernel in one call (UDP
	// GSO, Linux 4.18). The kernel or the device splits them into datagrams. It also reads several
	// responses in one call (UDP GRO, 5.0). If the kernel drops responses that it has joined, they
	// count as one overflow. Segments has no effect if the system lacks them.
	Segments bool
	// ReceiveBuffer is the size in bytes of the kernel's receive buffer of each socket. If it is not
	// positive, Run asks for a large one.
	ReceiveBuffer int

	// Interval is the length of the intervals of Report.Intervals. If it is not positive, it is 1 s.
	Interval time.Duration
	// OnInterval, if not nil, receives each interval when it has ended. Run calls it on its own
	// goroutine, so it delays no request.
	OnInterval func(Interval)
}

const (
	defaultMaxInFlight = 1 << 17
	defaultInterval    = time.Second
)

// Run sends requests at their due times, which must not decrease and count from the start of the
// run. It returns when all requests have ended, or soon after ctx is done, with a report on the
// requests so far. Several goroutines iterate over due at the same time. If no socket can be opened,
// Run returns the error and no Report.
func (l *Load) Run(ctx context.Context, due iter.Seq[time.Duration]) (*Report, error) {
	if l.Match == nil && l.Number == nil {
		return l.runProber(ctx, due)
	}
	clients, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := group(clients, l.workers())
	if err != nil {
		closeClients(clients)
		return nil, err
	}
	c := newCollector(len(groups), l.interval())
	workers := make([]*worker, len(groups))
	for i, g := range groups {
		workers[i] = newWorker(l, g, c, share{i, len(groups), len(clients)})
	}
	runtime.GC() // so that no collection delays the first requests
	begun := time.Now()
	var running sync.WaitGroup
	for _, w := range workers {
		w.begun = begun
		running.Go(func() { // ends when due has ended or ctx is done; Run waits
			defer w.close()
			w.run(ctx, due)
		})
	}
	c.follow(l.OnInterval) // until the workers have ended
	running.Wait()
	r := c.report()
	r.takeWrong()
	return r, nil
}

// workers returns the number of goroutines that send.
func (l *Load) workers() int {
	n := min(runtime.GOMAXPROCS(0), max(l.Clients, 1))
	if l.Closed > 0 {
		n = min(n, l.Closed)
	}
	return n
}

func (l *Load) timeout() time.Duration {
	if l.Timeout <= 0 {
		return defaultTimeout
	}
	return l.Timeout
}

func (l *Load) interval() time.Duration {
	if l.Interval <= 0 {
		return defaultInterval
	}
	return l.Interval
}

// open opens the sockets.
func (l *Load) open(ctx context.Context) (clients []*loadClient, err error) {
	defer func() {
		if err != nil {
			closeClients(clients)
		}
	}()
	for range max(l.Clients, 1) {
		socket, err := l.dial(ctx)
		if err != nil {
			return clients, err
		}
		clients = append(clients, newLoadClient(l, socket))
	}
	return clients, nil
}

// dial opens a socket.
func (l *Load) dial(ctx context.Context) (udp.Socket, error) {
	addr := l.Addr
	if addr == "" {
		addr = ohce.DefaultAddr
	}
	var conn net.Conn
	var err error
	if l.Dial != nil {
		conn, err = l.Dial(ctx, "udp", addr)
	} else {
		conn, err = udp.Dial(ctx, addr)
	}
	if err != nil {
		return nil, err
	}
	socket, err := udp.Connect(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if buffer, ok := conn.(interface{ SetReadBuffer(int) error }); ok && l.ReceiveBuffer > 0 {
		if err := buffer.SetReadBuffer(l.ReceiveBuffer); err != nil {
			socket.Close()
			return nil, err
		}
	}
	if !l.Segments {
		if err := udp.Separate(socket); err != nil {
			socket.Close()
			return nil, err
		}
	}
	_ = udp.ReportArrival(socket) // without it, Report.ReceiveDelay is empty
	return socket, nil
}

func closeClients(clients []*loadClient) {
	for _, c := range clients {
		c.socket.Close()
	}
}

// A clientGroup is the clients of one worker.
type clientGroup struct {
	clients  []*loadClient
	receiver udp.Receiver
}

// group divides clients among n workers. If the system cannot wait for several sockets, each client
// has a worker of its own.
func group(clients []*loadClient, n int) (groups []clientGroup, err error) {
	for len(groups) < n {
		g := clientGroup{}
		for i := len(groups); i < len(clients); i += n {
			g.clients = append(g.clients, clients[i])
		}
		sockets := make([]udp.Socket, len(g.clients))
		for i, c := range g.clients {
			sockets[i] = c.socket
		}
		g.receiver, err = udp.NewReceiver(sockets)
		if errors.Is(err, errors.ErrUnsupported) && n < len(clients) {
			return group(clients, len(clients)) // fails for the first group, so nothing is open
		}
		if err != nil {
			for _, g := range groups {
				g.receiver.Close()
			}
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// keepsRequests reports whether the load remembers the requests in flight, to decide whether their
// responses are right.
func (l *Load) keepsRequests() bool {
	return l.Check != nil || l.Number == nil && l.Match.Accept != nil
}

// right reports whether a response is right.
func (l *Load) right(request, response []byte) bool {
	if l.Number == nil && l.Match.Accept != nil && !l.Match.Accept(request, response) {
		return false
	}
	return l.Check == nil || l.Check(request, response) == nil
}

// request appends request n to dst.
func (l *Load) request(dst []byte, n int) []byte {
	if l.Request == nil {
		return dst
	}
	return l.Request(dst, n)
}
