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
	exchanges = flag.Int("exchanges", 20, "how many exchanges each client makes in each cell")
	markdown  = flag.String("markdown", "", "the file to write the report to; the pictures go beside it")
)

// TestNetwork lets both clients come through all cells, and through some of them on real sockets, checks
// what they promise, and reports it.
func TestNetwork(t *testing.T) {
	r := &report{exchanges: *exchanges, results: matrix(t), sample: sample(t)}
	if t.Failed() {
		return
	}
	for _, b := range r.criteria() {
		fmt.Println(b) // what make network is asked for
		if b.failed {
			t.Error("missed")
		}
	}
	if *markdown != "" {
		if err := r.write(*markdown); err != nil {
			t.Fatal(err)
		}
	}
}

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
	fmt.Printf("%d exchanges a cell and client took %v\n", *exchanges, time.Since(begun).Round(time.Second))
	return all
}

// runCell makes exchanges one after the other through a cell, on a network and in a time of its own. The
// first one is not counted: it tells the adaptive client how long the way is.
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

// wantResponse is the right one by another way than flip's: for ASCII that is easy.
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
