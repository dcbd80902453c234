package ohcetest

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// A Peer is a scripted server on a Network. It starts no goroutine and need not be closed.
type Peer struct {
	network *Network
	addr    netip.AddrPort
	respond func(dst, request []byte) []byte

	mu       sync.Mutex
	script   []Step
	requests []Datagram
	held     []Datagram
}

// A Step handles one request that a Peer has received.
type Step func(p *Peer, request Datagram)

// NewPeer returns a Peer bound to addr, which has the form "ip:port". If the port is 0, the Network
// assigns a free one. The function respond appends the response to dst and returns the extended
// buffer. If respond is nil, the response is a copy of the request.
//
// The first step of script handles the first request, the second step the second request, and so
// on. After the last step, the Peer answers each request as [Answer] does. NewPeer panics if addr
// is invalid or already in use.
func (n *Network) NewPeer(addr string, respond func(dst, request []byte) []byte,
	script ...Step) *Peer {
	ap, err := parse(addr)
	if err != nil {
		panic(fmt.Sprintf("ohcetest: %v", err))
	}
	if respond == nil {
		respond = func(dst, request []byte) []byte { return append(dst, request...) }
	}
	p := &Peer{network: n, respond: respond, script: script}
	if err := n.bind(ap, p); err != nil {
		panic(err.Error())
	}
	return p
}

// Addr returns the address that the peer is bound to.
func (p *Peer) Addr() netip.AddrPort { return p.addr }

// Requests returns the requests received so far, in order of arrival. The caller must not modify
// their data.
func (p *Peer) Requests() []Datagram {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Datagram(nil), p.requests...)
}

// Release sends the responses kept by [Hold], in the order of their requests, and returns their
// number.
func (p *Peer) Release() int {
	p.mu.Lock()
	held := p.held
	p.held = nil
	p.mu.Unlock()
	for _, d := range held {
		p.network.send(d)
	}
	return len(held)
}

// Close unbinds the peer. Datagrams that arrive at its address later are unreachable.
func (p *Peer) Close() { p.network.unbind(p.addr, p) }

func (p *Peer) bound(addr netip.AddrPort) { p.addr = addr }

func (p *Peer) receive(d Datagram) outcome {
	p.mu.Lock()
	step := Answer()
	if len(p.script) > 0 {
		step, p.script = p.script[0], p.script[1:]
	}
	p.requests = append(p.requests, d)
	p.mu.Unlock()
	step(p, d)
	return delivered
}

func (p *Peer) unreachable(netip.AddrPort) {}

// response returns the response that p.respond gives to a request.
func (p *Peer) response(request Datagram) Datagram {
	return Datagram{From: p.addr, To: request.From, Data: p.respond(nil, request.Data)}
}

// Answer returns a Step that sends the response.
func Answer() Step {
	return func(p *Peer, request Datagram) { p.network.send(p.response(request)) }
}

// Lose returns a Step that does nothing, as if the request or its response were lost.
func Lose() Step { return func(*Peer, Datagram) {} }

// Delay returns a Step that sends the response after the given time.
func Delay(after time.Duration) Step {
	return func(p *Peer, request Datagram) {
		d := p.response(request)
		time.AfterFunc(after, func() { p.network.send(d) })
	}
}

// Double returns a Step that sends the response twice.
func Double() Step {
	return func(p *Peer, request Datagram) {
		p.network.send(p.response(request))
		p.network.send(p.response(request))
	}
}

// Forge returns a Step that sends a copy of data instead of the response, from the peer's address.
func Forge(data []byte) Step {
	data = bytes.Clone(data)
	return func(p *Peer, request Datagram) {
		p.network.send(Datagram{From: p.addr, To: request.From, Data: data})
	}
}

// ForgeFrom returns a Step that sends a copy of data instead of the response, from addr, which has
// the form "ip:port". ForgeFrom panics if addr is invalid.
func ForgeFrom(addr string, data []byte) Step {
	from, data := netip.MustParseAddrPort(addr), bytes.Clone(data)
	return func(p *Peer, request Datagram) {
		p.network.send(Datagram{From: from, To: request.From, Data: data})
	}
}

// Hold returns a Step that keeps the response until [Peer.Release] is called.
func Hold() Step {
	return func(p *Peer, request Datagram) {
		d := p.response(request)
		p.mu.Lock()
		p.held = append(p.held, d)
		p.mu.Unlock()
	}
}

// Then returns a Step that runs several steps in order for one request.
func Then(steps ...Step) Step {
	return func(p *Peer, request Datagram) {
		for _, step := range steps {
			step(p, request)
		}
	}
}
