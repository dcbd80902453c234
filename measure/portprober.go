package measure

import (
	"context"
	"fmt"
	"iter"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/exchange"
)

const (
	// FirstPort is the default of PortProber.First: the first port for private use (RFC 6335,
	// section 6).
	FirstPort = 49152

	// The other defaults of a PortProber, and a limit.
	defaultPorts        = 64
	defaultPortCount    = 3
	defaultPortInterval = 10 * time.Millisecond
	maxOpenPorts        = 256 // sockets that are open at the same time
)

// A PortProber sends requests from consecutive source ports. Routers with several paths of equal cost
// and balancers often choose the path or the backend by the source port, so that a broken path loses
// the requests from some ports and not from others. A [PortSummary] finds these ports.
//
// Each port has at most one request in flight. The requests of a port are apart from each other: a
// PortProber sends one request from each of at most 256 ports, then the next one from each of them,
// and so on. The zero value sends empty datagrams to ohce.DefaultAddr. The fields must not be changed
// during Run.
type PortProber struct {
	// Addr is the address of the server, "host:port". If empty, it is ohce.DefaultAddr.
	Addr string

	// Dial opens a socket with a source port that is connected to address. If another socket has the
	// port, the error must wrap ohce.ErrAddrInUse. If Dial is nil, the socket is that of a zero Dialer
	// with this port; see [Dialer.DialPort].
	Dial func(ctx context.Context, port uint16, address string) (net.Conn, error)

	// First is the first source port. If zero, it is FirstPort.
	First uint16
	// Ports is the number of source ports. If it is not positive, it is 64. A number beyond port
	// 65,535 is an error.
	Ports int
	// Count is the number of requests from each port. If it is not positive, it is 3.
	Count int
	// Interval is the time between requests. If it is not positive, it is 10 ms.
	Interval time.Duration
	// Timeout is how long a request waits for its response. If it is not positive, it is 1 s.
	Timeout time.Duration

	// Request, Check and Match are those of [Prober]. Requests are numbered from 1 over all ports.
	// Without Match, any datagram that arrives at a port while its request is in flight is the
	// response, even a late response to an earlier request from this port.
	Request func(dst []byte, n int) []byte
	Check   func(request, response []byte) error
	Match   *ohce.Matcher

	counts struct {
		sync.Mutex
		Counts
	}
}

// A PortSample is what happened to a request from a source port. A port that could not be opened has
// one sample of class Unsent, whose Number is 0. Its Err wraps ohce.ErrAddrInUse if another socket of
// this machine has the port.
type PortSample struct {
	Port uint16
	Sample
}

// Counts returns the current counters of all runs. Reordered is 0.
func (p *PortProber) Counts() Counts {
	p.counts.Lock()
	defer p.counts.Unlock()
	return p.counts.Counts
}

// count counts a datagram that is not the response to the request in flight.
func (p *PortProber) count(why exchange.Reason) {
	p.counts.Lock()
	defer p.counts.Unlock()
	switch why {
	case exchange.Late:
		p.counts.Late++
	case exchange.Duplicate:
		p.counts.Duplicates++
	default:
		p.counts.Unexpected++
	}
}

// Run sends the requests and yields a sample for each of them, in the order of their ends. The
// sequence ends after the last sample, or when the loop over it ends. The second value is an error that
// ends the sequence: that of ctx, or an invalid field.
func (p *PortProber) Run(ctx context.Context) iter.Seq2[PortSample, error] {
	return func(yield func(PortSample, error) bool) {
		if err := p.check(); err != nil {
			yield(PortSample{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		number, last := 0, p.first()+p.ports()
		for first := p.first(); first < last; first += maxOpenPorts {
			g := &portGroup{p: p, yield: yield, number: number}
			if !g.run(ctx, first, min(first+maxOpenPorts, last)) {
				return
			}
			number = g.number
		}
	}
}

func (p *PortProber) check() error {
	if last := p.first() + p.ports() - 1; last > 65535 {
		return fmt.Errorf("measure: PortProber.Ports is %d, and %d is the last port after %d",
			p.ports(), 65535, p.first())
	}
	if p.Match != nil && (p.Match.RequestKey == nil || p.Match.ResponseKey == nil) {
		return fmt.Errorf("measure: PortProber.Match needs both RequestKey and ResponseKey")
	}
	return nil
}

func (p *PortProber) first() int { return orDefault(int(p.First), FirstPort) }
func (p *PortProber) ports() int { return orDefault(p.Ports, defaultPorts) }

// orDefault returns value if it is positive, and otherwise the default.
func orDefault[T int | float64 | time.Duration](value, byDefault T) T {
	if value > 0 {
		return value
	}
	return byDefault
}

func (p *PortProber) dial(ctx context.Context, port uint16) (net.Conn, error) {
	addr := p.Addr
	if addr == "" {
		addr = ohce.DefaultAddr
	}
	if p.Dial == nil {
		return (&Dialer{}).DialPort(ctx, port, addr)
	}
	return p.Dial(ctx, port, addr)
}
