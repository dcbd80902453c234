package ohcetest

import (
	"bytes"
	"container/heap"
	"net/netip"
	"time"
)

// send sends a copy of d through Link.
func (n *Network) send(d Datagram) {
	d.From, d.To, d.Data = unmap(d.From), unmap(d.To), bytes.Clone(d.Data)
	n.mu.Lock()
	n.stats.Sent++
	if n.Link == nil {
		n.push(Arrival{Datagram: d})
	} else {
		passed := n.Link(d)
		if len(passed) == 0 {
			n.stats.Lost++
		}
		for _, a := range passed {
			n.push(a)
		}
	}
	n.mu.Unlock()
	n.deliver()
}

// push adds an arrival to the pending ones. It is called with mu held.
func (n *Network) push(a Arrival) {
	n.serial++
	heap.Push(&n.pending, &arrival{Arrival: a, at: time.Now().Add(max(a.After, 0)), serial: n.serial})
}

// deliver delivers the arrivals that are due and sets the timer for the next one. Only one
// goroutine delivers at a time, which preserves the order. If another goroutine is in deliver, it
// also delivers the arrivals of this one.
func (n *Network) deliver() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.delivering {
		return
	}
	n.delivering = true
	defer func() { n.delivering = false }()
	for len(n.pending) > 0 {
		if wait := time.Until(n.pending[0].at); wait > 0 {
			n.schedule(wait)
			return
		}
		d := heap.Pop(&n.pending).(*arrival).Datagram
		n.count(n.deliverTo(d, n.lookup(d.To), n.lookup(d.From)))
	}
}

// schedule sets the timer. It is called with mu held.
func (n *Network) schedule(after time.Duration) {
	if n.timer != nil {
		n.timer.Stop()
	}
	n.timer = time.AfterFunc(after, n.deliver)
}

// lookup returns the receiver bound to addr or, if there is none, to the wildcard address of its
// port. It is called with mu held.
func (n *Network) lookup(addr netip.AddrPort) receiver {
	for _, ip := range []netip.Addr{addr.Addr(), netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if r, ok := n.bound[netip.AddrPortFrom(ip, addr.Port())]; ok && (ip.Is6() || addr.Addr().Is4()) {
			return r
		}
	}
	return nil
}

// deliverTo passes d to its receiver. If there is none, it reports that to the sender. It is called
// with mu held and releases mu during the call, because a Peer sends and a Conn has its own lock.
func (n *Network) deliverTo(d Datagram, to, from receiver) outcome {
	n.mu.Unlock()
	defer n.mu.Lock()
	if to != nil {
		return to.receive(d)
	}
	if from != nil {
		from.unreachable(d.To)
	}
	return unreachable
}

// count is called with mu held.
func (n *Network) count(o outcome) {
	switch o {
	case delivered:
		n.stats.Delivered++
	case unreachable:
		n.stats.Unreachable++
	case overflow:
		n.stats.Overflow++
	case filtered:
		n.stats.Filtered++
	}
}

// arrivals is a heap ordered by time, then by order of sending.
type arrivals []*arrival

type arrival struct {
	Arrival
	at     time.Time
	serial uint64
}

func (h arrivals) Len() int { return len(h) }
func (h arrivals) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].serial < h[j].serial
}
func (h arrivals) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *arrivals) Push(x any)   { *h = append(*h, x.(*arrival)) }
func (h *arrivals) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
