package ohcetest_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

var impaired = netip.MustParseAddrPort("192.0.2.2:3000")

// overLink makes n exchanges with an echo server through a link. It returns their round-trip times,
// or 0 for an exchange without a response, and the source ports of the requests at the server.
func overLink(t *testing.T, model *link.Link, n int) (trips []time.Duration, ports []uint16) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := &ohcetest.Network{Link: ohcetest.Impair(model, impaired)}
		pc, err := network.ListenPacket(impaired.String())
		if err != nil {
			t.Fatal(err)
		}
		srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
			ports = append(ports, r.RemoteAddr.Port())
			w.Write(r.Data)
		})}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(pc) }()
		conn, err := network.Dial(t.Context(), "udp", impaired.String())
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		for range n {
			sent := time.Now()
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(sent.Add(time.Second))
			if _, err := conn.Read(buf); err != nil {
				trips = append(trips, 0)
				continue
			}
			trips = append(trips, time.Since(sent))
		}
		conn.Close()
		srv.Shutdown(context.Background())
		<-served
	})
	return trips, ports
}

func TestImpairDelaysBothDirections(t *testing.T) {
	model := &link.Link{
		Up:   link.Impairment{Delay: link.Delay{Base: 30 * time.Millisecond}},
		Down: link.Impairment{Delay: link.Delay{Base: 12 * time.Millisecond}},
	}
	trips, _ := overLink(t, model, 3)
	if want := slices.Repeat([]time.Duration{42 * time.Millisecond}, 3); !slices.Equal(trips, want) {
		t.Errorf("round-trip times %v, want %v", trips, want)
	}
	up, down := model.Stats()
	if up.Seen != 3 || down.Seen != 3 {
		t.Errorf("link saw %d datagrams up and %d down, want 3 and 3", up.Seen, down.Seen)
	}
}

// TestImpairIsReproducible checks that equal seeds lose the same exchanges.
func TestImpairIsReproducible(t *testing.T) {
	run := func(seed uint64) []time.Duration {
		bad := link.Impairment{Loss: link.RandomLoss(0.3), Delay: link.Delay{Base: time.Millisecond}}
		trips, _ := overLink(t, &link.Link{Seed: seed, Up: bad, Down: bad}, 300)
		return trips
	}
	first := run(1)
	if !slices.Equal(first, run(1)) {
		t.Error("equal seeds lose different exchanges")
	}
	if slices.Equal(first, run(2)) {
		t.Error("different seeds lose the same exchanges")
	}
}

// TestImpairRebinds gives the client a new port with every third datagram, and checks that all
// responses arrive.
func TestImpairRebinds(t *testing.T) {
	up := link.Impairment{RebindEvery: 3, Delay: link.Delay{Base: time.Millisecond}}
	trips, ports := overLink(t, &link.Link{Up: up}, 9)
	if slices.Contains(trips, 0) || len(trips) != 9 {
		t.Errorf("round-trip times %v, want 9 responses", trips)
	}
	changes := 0
	for i := 1; i < len(ports); i++ {
		if ports[i] != ports[i-1] {
			changes++
			if (i+1)%3 != 0 {
				t.Errorf("datagram %d has a new port: %v", i, ports)
			}
		}
	}
	if changes != 3 {
		t.Errorf("port changed %d times, want 3: %v", changes, ports)
	}
}

func TestImpairChecksModel(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Impair did not panic for a loss of 130 %")
		}
	}()
	ohcetest.Impair(&link.Link{Up: link.Impairment{Loss: link.RandomLoss(1.3)}}, impaired)
}
