package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

// TestOpeningMappingsAreCounted: mappings that are being opened count towards MaxMappings.
func TestOpeningMappingsAreCounted(t *testing.T) {
	opening, release := make(chan struct{}, 2), make(chan struct{})
	r := &Relay{MaxMappings: 1, connect: func(server netip.AddrPort) (udp.Socket, error) {
		opening <- struct{}{}
		<-release
		return connect(server)
	}}
	serve(t, r)
	open := func(port uint16) <-chan *mapping {
		opened := make(chan *mapping, 1)
		go func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			peer := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
			opened <- r.open(key{peer: peer, listener: r.listeners[0]}, 0, 0)
		}()
		return opened
	}
	first := open(1)
	<-opening
	second := open(2)
	select {
	case m := <-second:
		if m != nil {
			t.Error("a second mapping has been opened")
		}
	case <-opening:
		t.Error("a second mapping is being opened")
	}
	close(release)
	if <-first == nil {
		t.Error("the first mapping has not been opened")
	}
}

// TestTimeAfterRebind: the relay's lock is free while a mapping is replaced. A request that follows in the
// same message is not earlier than a response that passes meanwhile.
func TestTimeAfterRebind(t *testing.T) {
	opening, release := make(chan struct{}, 2), make(chan struct{})
	events := make(chan Event, 10)
	r := &Relay{
		Link:    &link.Link{Up: link.Impairment{RebindEvery: 2}},
		Observe: func(e Event) { events <- e },
		connect: func(server netip.AddrPort) (udp.Socket, error) {
			opening <- struct{}{}
			<-release
			return connect(server)
		},
	}
	server, client := serve(t, r)
	peer := client().LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort()
	passUp := func(text string) <-chan struct{} {
		done := make(chan struct{})
		go func() {
			r.listeners[0].passUp([]udp.Message{{Buf: []byte(text), Segment: 1, Peer: peer}})
			close(done)
		}()
		<-opening
		return done
	}
	first := passUp("a")
	release <- struct{}{}
	<-first
	<-events
	mapped := read(t, server, "a")

	second := passUp("bc") // the request b has a new mapping
	<-events
	if _, err := server.WriteToUDPAddrPort([]byte("A"), mapped); err != nil {
		t.Fatal(err)
	}
	response := <-events
	release <- struct{}{}
	<-second
	if request := <-events; response.Up || !request.Up || request.Time.Before(response.Time) {
		t.Errorf("a request at %v follows a response at %v", request.Time, response.Time)
	}
}

// TestDeliveryIsUse: a mapping is idle from the delivery of its last datagram on.
func TestDeliveryIsUse(t *testing.T) {
	r := &Relay{epoch: time.Now().Add(-time.Hour)}
	d := newDelayer(1<<20, r.epoch)
	defer d.close()
	m := &mapping{r: r}
	if !d.add(r.epoch, m, true, nil) {
		t.Fatal("the queue is full")
	}
	d.sent(d.due(nil, 1))
	if used, waiting := time.Duration(m.used.Load()), m.waiting.Load(); used < time.Hour || waiting != 0 {
		t.Errorf("the mapping was used after %v and %d datagrams wait, want 1h and 0", used, waiting)
	}
}
