package ohcetest

import (
	"net/netip"
	"time"

	"github.com/ohce/ohce/link"
)

// Impair returns a function for [Network.Link] that applies model. Datagrams to server travel up
// the link, datagrams from server travel down, and all others are delivered unchanged. The model's
// clock starts with the first datagram. Impair panics if model.Check fails.
//
// If the model rebinds a client, the server receives the client's datagrams from a new port.
// Datagrams that the server sends to the old port are lost, as behind a NAT that has lost its
// mapping.
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

// firstMappedPort is the first port that the simulated NAT assigns. It is far above firstPort,
// where the Network begins, so the two rarely meet.
const firstMappedPort = 60_001

// An impairment applies a link model and a simulated NAT to the datagrams of a Network.
type impairment struct {
	model    *link.Link
	server   netip.AddrPort
	begun    time.Time                         // when the first datagram was sent
	outside  map[netip.AddrPort]netip.AddrPort // from a rebound client to its mapped address
	inside   map[netip.AddrPort]netip.AddrPort // the inverse of outside
	mapped   uint16                            // number of mapped ports so far
	arrivals []link.Arrival
}

func (i *impairment) pass(d Datagram) []Arrival {
	if i.begun.IsZero() {
		i.begun = time.Now()
	}
	at := time.Since(i.begun)
	switch i.server {
	case d.To:
		i.arrivals = i.model.PassUp(i.arrivals[:0], at, d.Data)
		return i.up(d)
	case d.From:
		i.arrivals = i.model.PassDown(i.arrivals[:0], at, d.Data)
		return i.down(d)
	default:
		return []Arrival{{Datagram: d}}
	}
}

func (i *impairment) up(d Datagram) (all []Arrival) {
	for _, a := range i.arrivals {
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
		if _, rebound := i.outside[d.To]; rebound {
			return nil // sent to the port that the client had before
		}
	}
	for _, a := range i.arrivals {
		all = append(all, Arrival{a.After, Datagram{From: d.From, To: to, Data: a.Data}})
	}
	return all
}

// rebind maps a client to a new port.
func (i *impairment) rebind(client netip.AddrPort) {
	if old, ok := i.outside[client]; ok {
		delete(i.inside, old)
	}
	port := firstMappedPort + i.mapped
	i.mapped = (i.mapped + 1) % (1<<16 - firstMappedPort)
	mapped := netip.AddrPortFrom(client.Addr(), port)
	i.outside[client], i.inside[mapped] = mapped, client
}
