package measure

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// The defaults of a PathProber.
const (
	defaultPathTries   = 4
	defaultPathSpacing = 100 * time.Millisecond
)

// A PathProber finds the path MTU to a server and back, exact to the byte, by the method of RFC 8899:
// it sends requests of different sizes. The server must answer each request with a datagram of the same
// length, as an echo server does. A PathProber needs Linux 4.10.
//
//   - Forward: the requests must not be fragmented. A response, whole or in fragments, proves that its
//     request has passed.
//   - Return: the kernel reports whether a response has arrived in one piece. Requests of sizes that do
//     not pass forward may be fragmented.
//
// A size counts as too large if a router reports that (ICMP: fragmentation needed, packet too big), if
// the response arrives in fragments, or if all tries are lost. The zero value is not usable: Addr and
// Request must be set. The fields must not be changed during Run.
type PathProber struct {
	// Addr is the address of the server, "host:port".
	Addr string
	// Dialer has the options of the sockets. Its DontFragment is ignored. The port of its Source must
	// be 0.
	Dialer Dialer
	// ClosedPort, if not zero, is a port of the server on which no server listens. If a long response
	// does not return, requests to this port show whether they pass forward, because the server
	// answers with short ICMP port unreachable messages.
	ClosedPort uint16
	// Tries is how often a size is tried before it counts as too large. At the end of the search in a
	// direction, the smallest size that was lost is tried twice as often again. If it is not positive,
	// it is 4.
	Tries int
	// Timeout is how long the last try of a size waits for its response. If it is not positive, it is
	// 1 s. The tries of a size are 100 ms apart, or Timeout if that is less. Those to ClosedPort are at
	// least 1 s apart, because systems limit the rate of ICMP messages.
	Timeout time.Duration
	// Request appends request n of exactly size bytes to dst. Its result depends on n and size alone.
	// size is at least 32.
	Request func(dst []byte, n, size int) []byte
	// Match reports whether a datagram is the response to a request. If nil, each datagram of the same
	// length is.
	Match func(request, response []byte) bool
	// Progress, if not nil, is called before each size with the size of the packet in bytes.
	Progress func(size int)
}

// Errors that PathProber.Run returns.
var (
	// ErrNoResponse means that no response to the shortest request arrived.
	ErrNoResponse = errors.New("no response to the shortest request")
	// ErrOtherLength means that a response to the shortest request arrived that Match does not accept,
	// or without Match one of another length.
	ErrOtherLength = errors.New("the response does not fit the request")
)

// Run measures the path. The error wraps
//
//   - ErrNoResponse, if no response to the shortest request arrives;
//   - ErrOtherLength, if a response to it is not the right one;
//   - ohce.ErrPortUnreachable, if no server listens on the port of Addr;
//   - errors.ErrUnsupported, if the system cannot measure the path MTU;
//   - the error of ctx, if it is done;
//   - the error of a Dialer otherwise.
func (p *PathProber) Run(ctx context.Context) (*PathReport, error) {
	if err := p.Dialer.Check(); err != nil {
		return nil, err
	}
	r := &pathRun{p: p, ctx: ctx, tries: orDefault(p.Tries, defaultPathTries)}
	defer r.close()
	for _, f := range []udp.Fragmentation{udp.DontFragment, udp.AllowFragments} {
		s, err := udp.DialPath(ctx, p.Dialer.options(), p.Addr, f)
		if err != nil {
			return nil, p.Dialer.describe(err)
		}
		r.sockets[f] = s
	}
	stop := context.AfterFunc(ctx, r.interrupt)
	defer stop()
	return r.report()
}

// headers returns the size of the headers of IP and UDP.
func headers(to netip.Addr) int {
	if to.Unmap().Is4() {
		return 20 + 8
	}
	return 40 + 8
}

// smallestPathRequest is the length of the shortest request.
const smallestPathRequest = 32

// report runs the search.
func (r *pathRun) report() (*PathReport, error) {
	overhead := headers(r.sockets[0].RemoteAddr().Addr())
	search := &pathSearch{
		ask: r.ask, smallest: overhead + smallestPathRequest, tries: r.tries,
		closed:          r.p.ClosedPort != 0,
		routersFragment: r.sockets[0].RemoteAddr().Addr().Unmap().Is4(),
	}
	r.overhead = overhead
	forward, back, ok := search.run()
	switch {
	case r.ctx.Err() != nil:
		return nil, r.ctx.Err()
	case r.failed != nil:
		return nil, r.failed
	case !ok && r.unsent != nil:
		return nil, r.unsent
	case !ok:
		return nil, fmt.Errorf("measure: %w", ErrNoResponse)
	}
	report := &PathReport{
		Forward: forward, Return: back, Overhead: overhead, Sent: r.number, Tries: r.tries,
	}
	for size, lost := range r.lost {
		if size <= min(forward.Seen, back.MTU) {
			report.Lost += lost
		}
	}
	return report, nil
}
