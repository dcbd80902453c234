package network

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/ohcetest"
)

var (
	exchanges = flag.Int("exchanges", 20, "make `N` exchanges with each client in each cell")
	markdown  = flag.String("markdown", "", "write the report to `FILE`, and the pictures to a folder "+
		"beside it")
)

// TestNetwork runs both clients in all cells, and in some of them on real sockets. It checks the
// criteria and writes the report.
func TestNetwork(t *testing.T) {
	r := &report{exchanges: *exchanges, results: matrix(t), sample: sample(t)}
	if t.Failed() {
		return
	}
	for _, b := range r.criteria() {
		fmt.Println(b) // for make network, which runs without -v
		if b.failed {
			t.Errorf("criterion not met: %v", b)
		}
	}
	if *markdown != "" {
		if err := r.write(*markdown); err != nil {
			t.Fatal(err)
		}
	}
}

// matrix returns the results of both clients in all cells.
func matrix(t *testing.T) []result {
	all := make([]result, 0, len(cells()))
	for _, c := range cells() {
		all = append(all, result{cell: c})
	}
	begun := time.Now()
	t.Run("cells", func(t *testing.T) {
		for i := range all {
			t.Run(all[i].String(), func(t *testing.T) {
				t.Parallel()
				all[i].linear = runCell(t, all[i].cell, linear, uint64(2*i))
				all[i].adaptive = runCell(t, all[i].cell, adaptive, uint64(2*i+1))
			})
		}
	})
	fmt.Printf("%d exchanges for each cell and client took %v\n", *exchanges,
		time.Since(begun).Round(time.Second))
	return all
}

// runCell makes sequential exchanges through the network of a cell, in a bubble of its own. It does
// not count the first exchange, which tells the adaptive client the round-trip time.
func runCell(t *testing.T, c cell, r retry, seed uint64) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		server := netip.MustParseAddrPort("192.0.2.2:3000")
		network := &ohcetest.Network{Link: ohcetest.Impair(c.model(seed), server)}
		pc, err := network.ListenPacket(server.String())
		if err != nil {
			t.Fatal(err)
		}
		srv := &ohce.Server{Guard: guard.Guards{}, Handler: flipHandler}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(pc) }()
		defer func() {
			srv.Close()
			<-served
		}()
		client := &ohce.Client{
			Addr: server.String(), Dial: network.Dial, Retry: r.retry, Match: ohce.MatchExact(flip.Append), Linger: -1,
		}
		defer client.Close()
		for i := range *exchanges + 1 {
			request := fmt.Appendf(nil, "Datagram %d", i)
			begun := time.Now()
			resp, err := client.Exchange(t.Context(), request)
			took := time.Since(begun)
			switch {
			case i == 0:
				o.sent = -client.Stats().Attempts
				continue
			case err == nil && !bytes.Equal(resp.Data, wantResponse(request)):
				o.wrong++
			case err == nil && took <= budget:
				o.elapsed = append(o.elapsed, took)
			}
			o.exchanges++
		}
		o.sent += client.Stats().Attempts
	})
	return o
}

var flipHandler = ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
	w.Write(flip.Append(w.AvailableBuffer(), r.Data))
})

// wantResponse returns the right response to an ASCII request. It does not use package flip.
func wantResponse(request []byte) []byte {
	all := bytes.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, request)
	slices.Reverse(all)
	return all
}
