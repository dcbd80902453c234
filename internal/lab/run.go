package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/link/relay"
)

const (
	// maxTries is how often an exchange is made that differs from its plan, and maxRetrying is how
	// long after the beginning a further one may begin.
	maxTries    = 4
	maxRetrying = 5 * time.Second
	// slack is how long after the end of its plan an exchange may end.
	slack = 500 * time.Millisecond
)

// Run makes the exchanges of a run, one for each schedule, at the same time. The error is that of ctx
// or of a socket.
func Run(ctx context.Context, s Settings) (*Result, error) {
	all := schedules(&s)
	results := make([]*ExchangeResult, len(all))
	errs := make([]error, len(all))
	var exchanges sync.WaitGroup
	for i := range all {
		exchanges.Go(func() { // ends with the exchange; Wait waits for it
			results[i], errs[i] = runExchange(ctx, &s, &all[i])
		})
	}
	exchanges.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	return &Result{Query: s.Query(), Exchanges: results}, nil
}

// runExchange makes one exchange. If it differs from its plan, it makes the exchange again.
func runExchange(ctx context.Context, s *Settings, one *schedule) (*ExchangeResult, error) {
	begun := time.Now()
	plan := newPlan(s, s.Link(), one.waits)
	for try := 1; ; try++ {
		r, err := exchangeOnSockets(ctx, s, one, plan)
		if err != nil {
			return nil, err
		}
		measured, why := r.compare(plan)
		if why == "" || try == maxTries || time.Since(begun) > maxRetrying {
			return newExchangeResult(s, one, plan, r, measured, why), nil
		}
	}
}

// exchangeOnSockets makes an exchange between new sockets, and records it until the observations are
// complete.
func exchangeOnSockets(ctx context.Context, s *Settings, one *schedule, plan *Plan) (*recorder, error) {
	r := newRecorder()
	server, stopServer, err := startServer(s, r)
	if err != nil {
		return nil, fmt.Errorf("cannot start a server: %w", err)
	}
	defer stopServer()
	network := &relay.Relay{To: server, Link: s.Link(), Observe: r.observeLink}
	if err := network.Listen(ctx); err != nil {
		return nil, fmt.Errorf("cannot start a link: %w", err)
	}
	go network.Serve() // ends with Close, which waits for it
	defer network.Close()
	r.ports.LinkIn, r.ports.Server = network.LocalAddr().String(), server
	client := &ohce.Client{
		Addr: network.LocalAddr().String(), Retry: ohce.RetryAfter(one.waits...),
		Match: ohce.MatchExact(flip.Append), Linger: plan.End + 2*slack, Trace: r.trace(),
	}
	defer client.Close()
	end := time.NewTimer(plan.End + slack)
	defer end.Stop()
	switch _, err := client.Exchange(ctx, []byte(s.Text)); {
	case errors.Is(err, ohce.ErrServerDown):
		r.gaveUp()
	case err != nil:
		return nil, fmt.Errorf("cannot send: %w", err)
	}
	for !r.counts().reaches(plan.expected()) {
		select {
		case <-r.changed:
		case <-end.C:
			return r, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r, nil
}

// startServer starts the server and returns its address. Without Settings.Server, it returns an
// address that no server has.
func startServer(s *Settings, r *recorder) (addr string, stop func(), err error) {
	if !s.Server {
		return reservePort()
	}
	server := &ohce.Server{
		Guard: guard.Guards{}, // a duplicated request is a lesson here, not a loop
		Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, request *ohce.Request) {
			r.observeServer(request.RemoteAddr)
			w.Write(flip.Append(nil, request.Data))
		}),
	}
	if err := server.Listen("127.0.0.1:0"); err != nil {
		return "", nil, err
	}
	served := make(chan struct{})
	go func() { server.Serve(); close(served) }() // ends with Close; stop waits for it
	return server.Addrs()[0].String(), func() { server.Close(); <-served }, nil
}

// reservePort returns an address without a server. It is that of a socket that is connected, so the
// kernel refuses datagrams from other addresses with ICMP port unreachable.
func reservePort() (addr string, release func(), err error) {
	loopback := net.IPv4(127, 0, 0, 1)
	const discard = 9 // the peer's port; any port that does not send to this one will do
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: loopback}, &net.UDPAddr{IP: loopback, Port: discard})
	if err != nil {
		return "", nil, err
	}
	return conn.LocalAddr().String(), func() { conn.Close() }, nil
}
