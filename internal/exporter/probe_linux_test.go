package exporter

import (
	"net"
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

// TestProbeSockets probes servers on loopback sockets that answer from another address, or not at all.
func TestProbeSockets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		serve func(server, other *net.UDPConn, client *net.UDPAddr)
		want  map[string]float64
	}{
		{"another address", func(_, other *net.UDPConn, client *net.UDPAddr) {
			other.WriteToUDP([]byte("PONG"), client)
		}, map[string]float64{"lost": 1, "other_address": 1}},
		{"both addresses", func(server, other *net.UDPConn, client *net.UDPAddr) {
			other.WriteToUDP([]byte("PONG"), client)
			server.WriteToUDP([]byte("PONG"), client)
		}, map[string]float64{"answered": 1, "other_address": 1}},
		{"wrong, then right", func(server, _ *net.UDPConn, client *net.UDPAddr) {
			server.WriteToUDP([]byte("PANG"), client)
			server.WriteToUDP([]byte("PONG"), client)
		}, map[string]float64{"answered": 1, "unexpected": 1}},
		{"twice", func(server, _ *net.UDPConn, client *net.UDPAddr) {
			server.WriteToUDP([]byte("PONG"), client)
			server.WriteToUDP([]byte("PONG"), client)
		}, map[string]float64{"answered": 1, "duplicate": 1}},
		{"right, then wrong", func(server, _ *net.UDPConn, client *net.UDPAddr) {
			server.WriteToUDP([]byte("PONG"), client)
			server.WriteToUDP([]byte("PANG"), client)
		}, map[string]float64{"answered": 1, "unexpected": 1}},
		{"refused", nil, map[string]float64{"refused": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, other := listen(t), listen(t)
			served := make(chan struct{})
			go func() { // ends with the request, or when the socket is closed
				defer close(served)
				_, client, err := server.ReadFromUDP(make([]byte, 100))
				if err == nil {
					tt.serve(server, other, client)
				}
			}()
			if tt.serve == nil {
				server.Close()
			}
			m := module(t, ping+", linger: 500ms")
			r := (&Prober{}).Probe(t.Context(), m, server.LocalAddr().String(), 500*time.Millisecond)
			<-served
			if got := counts(r); len(got) != len(tt.want) {
				t.Errorf("the counts are %v, want %v", got, tt.want)
			}
			for name, n := range tt.want {
				if got := counts(r); got[name] != n {
					t.Errorf("%s is %v, want %v", name, got[name], n)
				}
			}
		})
	}
}

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// counts returns the numbers of requests by class and of ignored datagrams by reason that are not 0.
func counts(r *Result) map[string]float64 {
	all := make(map[string]float64)
	for class, n := range r.requests {
		if n > 0 {
			all[measure.Class(class).String()] = float64(n)
		}
	}
	for why, n := range r.ignored {
		all[string(why)] = float64(n)
	}
	return all
}
