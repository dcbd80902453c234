package ohcetest

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// A Peer is a server on a Network that treats each request as its script says. It needs no goroutine
// and no closing.
type Peer struct {
	network *Network
	addr    netip.AddrPort
	respond func(dst, request []byte) []byte

	mu       sync.Mutex
	script   []Step
	requests []Datagram
	held     []Datagram
}

// A Step says what a Peer does with one request.
type Step func(p *Peer, request Datagram)

// NewPeer binds a Peer to "ip:port". respond appends the true response to dst; nil sends the request
// back. The first request gets the first step of the script, and so on; those after the last step
// are answered. It panics if the address cannot be had.
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

// Addr is the address the peer is bound to.
func (p *Peer) Addr() netip.AddrPort { return p.addr }

// Requests returns what has come so far, in order.
func (p *Peer) Requests() []Datagram {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Datagram(nil), p.requests...)
}

// Release sends the responses that Hold has kept, in the order of their requests, and returns how
// many there were.
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

// Close unbinds the peer: from then on nobody listens at its address.
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

// response is the true response to a request.
func (p *Peer) response(request Datagram) Datagram {
	return Datagram{From: p.addr, To: request.From, Data: p.respond(nil, request.Data)}
}

// Answer sends the response.
func Answer() Step {
	return func(p *Peer, request Datagram) { p.network.send(p.response(request)) }
}

// Lose does nothing, as if the request or its response had been lost.
func Lose() Step { return func(*Peer, Datagram) {} }

// Delay sends the response after some time.
func Delay(after time.Duration) Step {
	return func(p *Peer, request Datagram) {
		d := p.response(request)
		time.AfterFunc(after, func() { p.network.send(d) })
	}
}

// Double sends the response twice.
func Double() Step {
	return func(p *Peer, request Datagram) {
		p.network.send(p.response(request))
		p.network.send(p.response(request))
	}
}

// Forge sends data in place of the response, from the peer's own address.
func Forge(data []byte) Step {
	data = bytes.Clone(data)
	return func(p *Peer, request Datagram) {
		p.network.send(Datagram{From: p.addr, To: request.From, Data: data})
	}
}

// ForgeFrom sends data from another address, "ip:port". It panics if that is not one.
func ForgeFrom(addr string, data []byte) Step {
	from, data := netip.MustParseAddrPort(addr), bytes.Clone(data)
	return func(p *Peer, request Datagram) {
		p.network.send(Datagram{From: from, To: request.From, Data: data})
	}
}

// Hold keeps the response until Release.
func Hold() Step {
	return func(p *Peer, request Datagram) {
		d := p.response(request)
		p.mu.Lock()
		p.held = append(p.held, d)
		p.mu.Unlock()
	}
}

// Then takes several steps for one request.
func Then(steps ...Step) Step {
	return func(p *Peer, request Datagram) {
		for _, step := range steps {
			step(p, request)
		}
	}
}
