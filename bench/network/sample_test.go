package network

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
)

// sampled holds the cells to run on real sockets too.
var sampled = []cell{
	{trip: 1 * ms}, {loss: 0.1, trip: 1 * ms}, {loss: 0.3, trip: 1 * ms},
	{trip: 20 * ms}, {loss: 0.1, trip: 20 * ms}, {loss: 0.3, trip: 20 * ms},
	{trip: 150 * ms}, {loss: 0.1, trip: 150 * ms}, {loss: 0.3, trip: 150 * ms},
	{loss: 0.1, trip: 20 * ms, duplicate: 0.1, reorder: true, corrupt: 0.01},
}

// sample returns the results of both clients in some cells on real sockets, with a fifth of the
// exchanges of the matrix.
func sample(t *testing.T) []result {
	srv := ohcetest.StartServer(&ohce.Server{Guard: guard.Guards{}, Handler: flipHandler})
	defer srv.Close()
	all := make([]result, 0, len(sampled))
	begun := time.Now()
	for i, c := range sampled {
		all = append(all, result{cell: c})
		all[i].linear = onSockets(t, srv.Addr, c, linear, uint64(2*i))
		all[i].adaptive = onSockets(t, srv.Addr, c, adaptive, uint64(2*i+1))
	}
	fmt.Printf("exchanges on real sockets took %v\n", time.Since(begun).Round(time.Second))
	return all
}

// onSockets makes concurrent exchanges through a relay.
func onSockets(t *testing.T, server string, c cell, r retry, seed uint64) (o outcome) {
	network := &relay.Relay{To: server, Link: c.model(seed)}
	if err := network.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	go network.Serve() // Close ends it and waits for it
	defer network.Close()
	client := &ohce.Client{Addr: network.LocalAddr().String(), Retry: r.retry, Match: ohce.MatchExact(flip.Append), Linger: -1}
	defer client.Close()
	for { // until the client has measured the RTT, with a response to the first attempt
		if resp, err := client.Exchange(t.Context(), []byte("first")); err == nil && resp.Attempts == 1 ||
			c.trip >= r.retry.Wait(1) {
			break
		}
	}
	before := client.Stats().Attempts
	n := max(*exchanges/5, 10)
	var next atomic.Int64
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range concurrency {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				request := fmt.Appendf(nil, "Datagram %d", i)
				resp, err := client.Exchange(t.Context(), request)
				mu.Lock()
				o.exchanges++
				switch {
				case err != nil:
				case !bytes.Equal(resp.Data, wantResponse(request)):
					o.wrong++
				default:
					o.elapsed = append(o.elapsed, resp.Elapsed)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	o.sent = client.Stats().Attempts - before
	return o
}
