package main

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

func TestStore(t *testing.T) {
	s := newStore()
	for _, c := range []struct{ request, want string }{
		{"0001 set color blue", "0001 ok"},
		{"0002 get color", "0002 blue"},
		{"0003 get nosuch", "0003 "},
		{"0004 add visits 2", "0004 2"},
		{"0005 add visits 3", "0005 5"},
		{"0006 jump", "0006 invalid request"},
		{"7 get color", ""},
		{"", ""},
	} {
		var w ohce.ResponseWriter
		s.ServeUDP(&w, &ohce.Request{Data: []byte(c.request)})
		if got := string(w.Bytes()); got != c.want {
			t.Errorf("%q: response %q, want %q", c.request, got, c.want)
		}
	}
}

// The client adds 1 a hundred times through a network that loses a fifth of the datagrams each way.
// Each addition counts once, although the client retransmits.
func TestAddThroughLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addr := netip.MustParseAddrPort("192.0.2.9:3100")
		lossy := link.Impairment{
			Loss:  link.RandomLoss(0.2),
			Delay: link.Delay{Base: 10 * time.Millisecond, Jitter: 5 * time.Millisecond},
		}
		network := &ohcetest.Network{
			Link: ohcetest.Impair(&link.Link{Seed: 1, Up: lossy, Down: lossy}, addr),
		}
		srv := network.StartServer(newServer(), addr.String())
		defer srv.Close()
		client := srv.Client() // with the address and the Dial function of the network
		client.Match = ohce.MatchBytes(0, idLength)
		client.Retry = ohce.AdaptiveRetry(10 * time.Second)
		defer client.Close()

		const count = 100
		requests := func(yield func([]byte) bool) {
			for i := 0; i < count && yield(fmt.Appendf(nil, "%04d add visits 1", i)); i++ {
			}
		}
		for r, err := range client.Stream(t.Context(), requests) {
			if err := errors.Join(err, r.Err); err != nil {
				t.Fatal(err)
			}
		}
		resp, err := client.Exchange(t.Context(), []byte("last get visits"))
		if err != nil {
			t.Fatal(err)
		}
		if string(resp.Data) != "last 100" {
			t.Errorf("response %q, want 100 visits", resp.Data)
		}
		t.Log(client.Stats(), srv.Config.Stats())
	})
}

// A wait request is answered as soon as another client sets the key.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := new(ohcetest.Network).StartServer(newServer(), "192.0.2.9:3100")
		defer srv.Close()
		client := srv.Client()
		client.Retry = ohce.RetryAfter(time.Second)
		defer client.Close()

		time.AfterFunc(300*time.Millisecond, func() {
			client.Exchange(t.Context(), []byte("0002 set shape round"))
		})
		resp, err := client.Exchange(t.Context(), []byte("0001 wait shape"))
		if err != nil || string(resp.Data) != "0001 round" || resp.Elapsed != 300*time.Millisecond {
			t.Errorf("response %+v, error %v, want round after 300 ms", resp, err)
		}
		_, err = client.Exchange(t.Context(), []byte("0003 wait nosuch"))
		if !errors.Is(err, ohce.ErrServerDown) {
			t.Errorf("error %v for a key that is not set", err)
		}
	})
}
