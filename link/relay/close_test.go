package relay_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// TestZeroRelay calls each method of a relay that does not listen.
func TestZeroRelay(t *testing.T) {
	var r relay.Relay
	if s := r.Stats(); s != (relay.Stats{}) {
		t.Errorf("stats %+v", s)
	}
	if up, down := r.Impairments(); up != down || up != (link.Impairment{}) {
		t.Errorf("impairments %v, %v", up, down)
	}
	if err := r.Change(func(up, _ *link.Impairment) error { up.MTU = 100; return nil }); err != nil {
		t.Error(err)
	}
	if r.LocalAddr().IsValid() || r.ServerAddr().IsValid() {
		t.Error("it has an address")
	}
	if err := r.Serve(); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Listen(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen after Close returned %v", err)
	}
	if err := r.Serve(); err != relay.ErrClosed {
		t.Errorf("Serve after Close returned %v", err)
	}
}

// TestCloseBeforeServe must leave no socket behind.
func TestCloseBeforeServe(t *testing.T) {
	r := &relay.Relay{To: flipServer(t).Addr}
	if err := r.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	addr := r.LocalAddr()
	r.Close()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := r.Serve(); err != relay.ErrClosed {
		t.Errorf("Serve returned %v", err)
	}
}

// TestShutdown sends what is delayed and what has arrived before, and nothing that arrives later.
func TestShutdown(t *testing.T) {
	srv := listen(t)
	delay := link.Impairment{Delay: link.Delay{Base: 50 * time.Millisecond}}
	seen := make(chan struct{}, 100)
	r := start(t, &relay.Relay{
		To: srv.LocalAddr().String(), Link: &link.Link{Up: delay}, Observe: func(relay.Event) { seen <- struct{}{} },
	})
	c := dial(t, r.LocalAddr())
	for range 3 {
		send(t, c, "delayed")
		<-seen
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, _ := receive(t, srv); got != "delayed" {
			t.Errorf("the server received %q", got)
		}
	}
	if s := r.Stats().Up; s.Sent != 3 || s.Delayed != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	seen := make(chan struct{}, 1)
	r := start(t, &relay.Relay{
		Link:    &link.Link{Up: link.Impairment{Delay: link.Delay{Base: time.Hour}}},
		Observe: func(relay.Event) { seen <- struct{}{} },
	})
	send(t, dial(t, r.LocalAddr()), "too late")
	<-seen
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Shutdown(ctx); err != context.Canceled {
		t.Errorf("Shutdown returned %v", err)
	}
	if s := r.Stats().Up; s.Delayed != 1 || s.Sent != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestServeReturnsErrClosed calls Shutdown, with a context that is done, and Close at once while
// datagrams pass.
func TestServeReturnsErrClosed(t *testing.T) {
	srv := flipServer(t)
	for range 100 {
		r := &relay.Relay{To: srv.Addr}
		if err := r.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- r.Serve() }()
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.LocalAddr()))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var closing sync.WaitGroup
		closing.Go(func() { r.Close() })
		closing.Go(func() { r.Shutdown(ctx) })
		if err := <-served; err != relay.ErrClosed || !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v", err)
		}
		closing.Wait()
		c.Close()
	}
}

// TestShutdownWhileTheServerSends: Shutdown returns although the server continues to send. It drops the
// responses that would wait.
func TestShutdownWhileTheServerSends(t *testing.T) {
	srv := listen(t)
	delay := link.Impairment{Delay: link.Delay{Base: 50 * time.Millisecond}}
	r := start(t, &relay.Relay{To: srv.LocalAddr().String(), Link: &link.Link{Down: delay}})
	send(t, dial(t, r.LocalAddr()), "request")
	_, mapped := receive(t, srv)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ends when stop is closed
		defer close(stopped)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				srv.WriteToUDPAddrPort([]byte("response"), mapped)
			case <-stop:
				return
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	r.until(t, "a response waits", func(s relay.Stats) bool { return s.Down.Delayed > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown returned %v", err)
	}
	if s := r.Stats().Down; s.Sent == 0 || s.Unmapped == 0 || s.Delayed != 0 {
		t.Errorf("stats %+v, want that the responses before Shutdown were sent and later ones dropped", s)
	}
}

// TestShutdownPassesResponses: while Shutdown waits for delayed requests, responses without a delay pass.
func TestShutdownPassesResponses(t *testing.T) {
	r := start(t, &relay.Relay{})
	c := dial(t, r.LocalAddr())
	for i, delay := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond} {
		r.Change(func(up, _ *link.Impairment) error { up.Delay.Base = delay; return nil })
		send(t, c, "Hello")
		r.until(t, "the request waits", func(s relay.Stats) bool { return s.Up.Received == uint64(i+1) })
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Shutdown(t.Context()) }()
	if got, _ := receive(t, c); got != "OLLEh" {
		t.Errorf("the response is %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown returned %v", err)
	}
	if s := r.Stats().Up; s.Sent != 2 {
		t.Errorf("stats %+v, want that both requests were sent", s)
	}
}

// TestCloseLeavesNoMapping: a closed relay has no open mapping.
func TestCloseLeavesNoMapping(t *testing.T) {
	r := start(t, &relay.Relay{})
	ask(t, dial(t, r.LocalAddr()), "Hello")
	if s := r.Stats(); s.Mappings != 1 {
		t.Errorf("%d mappings, want 1", s.Mappings)
	}
	r.Close()
	if s := r.Stats(); s.Mappings != 0 || s.Opened != 1 {
		t.Errorf("%d mappings of %d after Close, want 0 of 1", s.Mappings, s.Opened)
	}
}
