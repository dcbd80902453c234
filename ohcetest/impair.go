package ohcetest

import (
	"net/netip"
	"time"

	"github.com/ohce/ohce/link"
)

// Impair makes a Network.Link of a model: what is sent to server goes up, what server sends goes
// down, and everything else passes. The link begins with the first datagram. It is an error of the
// test if the model's Check fails, and Impair panics.
//
// Where the model gives the sender another port, the server sees that port from then on, and what it
// still sends to the old one is lost, as behind an address translator that has forgotten it.
func Impair(model *link.Link, server netip.AddrPort) func(Datagram) []Arrival {
	if err := model.Check(); err != nil {
		panic("ohcetest: " + err.Error())
	}
	i := &impairment{
		model: model, server: server,
		outside: make(map[netip.AddrPort]netip.AddrPort), inside: make(map[netip.AddrPort]netip.AddrPort),
	}
	return i.pass
}

// rebound is where the ports begin that an address translator gives: above those of Network.
const rebound = 60_000

// An impairment is a model on a Network, with the translator that rebinding needs.
type impairment struct {
	model   *link.Link
	server  netip.AddrPort
	begun   time.Time
	outside map[netip.AddrPort]netip.AddrPort // of a client that has been rebound, by its own address
	inside  map[netip.AddrPort]netip.AddrPort // the other way round
	next    uint16
	passed  []link.Arrival
}

func (i *impairment) pass(d Datagram) []Arrival {
	if i.begun.IsZero() {
		i.begun = time.Now()
	}
	at := time.Since(i.begun)
	switch i.server {
	case d.To:
		i.passed = i.model.PassUp(i.passed[:0], at, d.Data)
		return i.up(d)
	case d.From:
		i.passed = i.model.PassDown(i.passed[:0], at, d.Data)
		return i.down(d)
	default:
		return []Arrival{{Datagram: d}}
	}
}

func (i *impairment) up(d Datagram) (all []Arrival) {
	for _, a := range i.passed {
		if a.Rebind {
			i.rebind(d.From)
		}
		from, ok := i.outside[d.From]
		if !ok {
			from = d.From
		}
		all = append(all, Arrival{a.After, Datagram{From: from, To: d.To, Data: a.Data}})
	}
	return all
}

func (i *impairment) down(d Datagram) (all []Arrival) {
	to, ok := i.inside[d.To]
	if !ok {
		to = d.To
		if _, forgotten := i.outside[d.To]; forgotten {
			return nil // the client has another port now
		}
	}
	for _, a := range i.passed {
		all = append(all, Arrival{a.After, Datagram{From: d.From, To: to, Data: a.Data}})
	}
	return all
}

// rebind gives a client another port outside.
func (i *impairment) rebind(client netip.AddrPort) {
	if old, ok := i.outside[client]; ok {
		delete(i.inside, old)
	}
	i.next = i.next%(1<<16-rebound-1) + 1
	now := netip.AddrPortFrom(client.Addr(), rebound+i.next)
	i.outside[client], i.inside[now] = now, client
}
