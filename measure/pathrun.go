package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/udp"
)

// icmpSpacing is the time between requests to a closed port. Linux sends one ICMP message a second to
// an address, after six at once.
const icmpSpacing = time.Second

// A pathRun is the state of PathProber.Run: it sends requests and waits for what happens to them.
type pathRun struct {
	p        *PathProber
	ctx      context.Context
	tries    int
	overhead int
	number   int         // of the latest request
	lost     map[int]int // tries without a response, by size of the packet
	failed   error       // ends the measurement
	unsent   error       // the latest error of this system
	buf      [1 << 16]byte

	mu          sync.Mutex
	sockets     [2]udp.PathSocket // by udp.Fragmentation
	closed      udp.PathSocket    // to the closed port; nil if there is none
	interrupted bool
}

// ask is the function of a pathSearch: it sends requests of a size until one of them has a result.
func (r *pathRun) ask(q pathProbe) pathResult {
	if r.p.Progress != nil {
		r.p.Progress(q.size)
	}
	s, err := r.socketFor(q)
	if err != nil {
		r.failed = err
		return pathResult{kind: pathStopped}
	}
	timeout := orDefault(r.p.Timeout, defaultTimeout)
	spacing := min(defaultPathSpacing, timeout)
	if q.closed {
		spacing = icmpSpacing
	}
	first := r.number + 1
	for try := 1; try <= q.tries; try++ {
		r.number++
		err := s.Send(r.p.Request(nil, r.number, q.size-r.overhead))
		if err != nil && !udp.TooLong(err) {
			r.unsent = err // the next try can succeed
		}
		wait := spacing
		if try == q.tries {
			wait = max(timeout, spacing)
		}
		if result, done := r.await(s, q, first, time.Now().Add(wait)); done {
			return result
		}
		r.countLost(q.size)
	}
	return pathResult{kind: pathLost}
}

func (r *pathRun) countLost(size int) {
	if r.lost == nil {
		r.lost = make(map[int]int)
	}
	r.lost[size]++
}

// await waits until a request of a size from number first has a result, or until the deadline.
func (r *pathRun) await(
	s udp.PathSocket, q pathProbe, first int, deadline time.Time,
) (pathResult, bool) {
	s.SetReadDeadline(deadline)
	for {
		if r.isInterrupted() { // after SetReadDeadline, which interrupt may have preceded
			return pathResult{kind: pathStopped}, true
		}
		e, err := s.Read(r.buf[:])
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return pathResult{kind: pathStopped}, r.isInterrupted()
		}
		if err != nil {
			r.failed = err
			return pathResult{kind: pathStopped}, true
		}
		if result, done := r.result(e, q, first); done {
			return result, true
		}
	}
}

// result returns the result that an event means for a question.
func (r *pathRun) result(e udp.PathEvent, q pathProbe, first int) (pathResult, bool) {
	switch e.Kind {
	case udp.PathDatagram:
		if r.answers(r.buf[:e.Len], q, first) {
			return pathResult{kind: pathAnswered, fragment: e.Fragment}, true
		}
		if q.size == r.overhead+smallestPathRequest { // otherwise it can be late
			r.failed = fmt.Errorf("measure: %w", ErrOtherLength)
			return pathResult{kind: pathStopped}, true
		}
	case udp.PathTooLong:
		// An event for an earlier and larger size is no news.
		if e.MTU < q.size && !q.fragment {
			return pathResult{kind: pathTooLong, mtu: e.MTU, router: e.From}, true
		}
	case udp.PathTooLongHere:
		if e.MTU < q.size {
			return pathResult{kind: pathTooLongHere, mtu: e.MTU}, true
		}
	case udp.PathRefused:
		if q.closed {
			return pathResult{kind: pathAnswered}, true
		}
		r.failed = fmt.Errorf("measure: %w", ohce.ErrPortUnreachable)
		return pathResult{kind: pathStopped}, true
	}
	return pathResult{}, false
}

// answers reports whether a datagram is the response to a request of the question. The response to an
// earlier question is late.
func (r *pathRun) answers(data []byte, q pathProbe, first int) bool {
	if q.closed {
		return false
	}
	for n := first; n <= r.number; n++ {
		request := r.p.Request(nil, n, q.size-r.overhead)
		if len(data) == len(request) && (r.p.Match == nil || r.p.Match(request, data)) {
			return true
		}
	}
	return false
}

// socketFor returns the socket for a question. Each size has a new socket to the closed port, so that a
// late ICMP message is not taken for the answer to the next size.
func (r *pathRun) socketFor(q pathProbe) (udp.PathSocket, error) {
	if !q.closed {
		f := udp.DontFragment
		if q.fragment {
			f = udp.AllowFragments
		}
		return r.sockets[f], nil
	}
	to := netip.AddrPortFrom(r.sockets[0].RemoteAddr().Addr(), r.p.ClosedPort)
	s, err := udp.DialPath(r.ctx, r.p.Dialer.options(), to.String(), udp.DontFragment)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil {
		r.closed.Close()
	}
	r.closed = s
	return s, nil
}

// interrupt ends the wait for events.
func (r *pathRun) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = true
	for _, s := range append(r.sockets[:], r.closed) {
		if s != nil {
			s.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

func (r *pathRun) isInterrupted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.interrupted
}

// close closes the sockets.
func (r *pathRun) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range append(r.sockets[:], r.closed) {
		if s != nil {
			s.Close()
		}
	}
}
