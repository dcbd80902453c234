package ohcetest

import (
	"net/netip"
	"time"

	"github.com/ohce/ohce/link"
)

// Impair returns a Network.Link that applies a model. Datagrams to server go up, datagrams from
// server go down, and all others pass. The model's time begins with the first datagram. Impair
// panics if the model's Check fails.
//
// If the model gives the sender a new port, the server sees that port from then on, and datagrams
// that it sends to the old one are lost, as behind an address translator that has lost its mapping.
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

// firstMappedPort is the first port of the address translator, above the ports of Network.
const firstMappedPort = 60_001

// An impairment is a model on a Network, with an address translator.
type impairment struct {
	model    *link.Link
	server   netip.AddrPort
	begun    time.Time
	outside  map[netip.AddrPort]netip.AddrPort // mapped address of a client that has been rebound
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
			return nil // the client has a new port
		}
	}
	for _, a := range i.arrivals {
		all = append(all, Arrival{a.After, Datagram{From: d.From, To: to, Data: a.Data}})
	}
	return all
}

// rebind gives a client a new mapped port.
func (i *impairment) rebind(client netip.AddrPort) {
	if old, ok := i.outside[client]; ok {
		delete(i.inside, old)
	}
	port := firstMappedPort + i.mapped
	i.mapped = (i.mapped + 1) % (1<<16 - firstMappedPort)
	mapped := netip.AddrPortFrom(client.Addr(), port)
	i.outside[client], i.inside[mapped] = mapped, client
}
