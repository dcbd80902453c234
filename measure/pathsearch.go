package measure

import (
	"net/netip"
	"slices"
)

// maxPacket is the largest IP packet without jumbograms, in bytes. All sizes of a pathSearch are those
// of packets with their headers.
const maxPacket = 65535

// A pathProbe is a question of a pathSearch: does a request of this size get its response?
type pathProbe struct {
	size     int
	fragment bool // this system and the routers may fragment the request
	closed   bool // the request goes to a closed port, and an ICMP port unreachable message answers it
	tries    int  // how often the request is sent before it counts as lost
}

// A pathResult is the answer to a pathProbe.
type pathResult struct {
	kind pathResultKind
	// fragment is the size of the largest fragment of the response. It is 0 if the response arrived in
	// one piece.
	fragment int
	// mtu is the limit that a pathTooLong or pathTooLongHere names, or 0.
	mtu    int
	router netip.Addr // the source of the ICMP message
}

type pathResultKind int

const (
	pathLost        pathResultKind = iota // no response to any of the tries
	pathAnswered                          // a response arrived
	pathTooLong                           // a router reported that the request is too long for a link
	pathTooLongHere                       // the request is too long for the first link
	pathStopped                           // the measurement must end
)

// A pathBound is what is known about one direction: size low passes, and size high does not. The zero
// value is not usable.
type pathBound struct {
	low, high int
	hint      int // the next size to try, if it is between low and high
	limit     PathLimit
	router    netip.Addr
}

// fails records that a size does not pass, and why.
func (b *pathBound) fails(size int, why PathLimit, router netip.Addr) {
	if size > b.low && size < b.high {
		b.high, b.limit, b.router = size, why, router
	}
}

// passes records that a size passes.
func (b *pathBound) passes(size int) {
	if size > b.low && size < b.high {
		b.low = size
	}
}

// usualMTUs are the MTUs of common links and tunnels, in ascending order. If one of them passes, the next
// size probably does not.
var usualMTUs = []int{
	576, 1006, 1280, 1300, 1350, 1360, 1380, 1392, 1400, 1412, 1420, 1428, 1430, 1432, 1436, 1440, 1442,
	1450, 1452, 1454, 1456, 1458, 1460, 1472, 1476, 1480, 1492, 1500, 2304, 4352, 8166, 8914, 8950, 9000,
	9001, 9216, 9600,
}

// next returns the next size to try.
func (b *pathBound) next() int {
	inside := func(size int) bool { return b.low < size && size < b.high }
	if inside(b.hint) {
		return b.hint
	}
	if inside(b.low+1) && (slices.Contains(usualMTUs, b.low) || b.low == b.hint) {
		return b.low + 1
	}
	middle := (b.low + b.high) / 2
	best, distance := middle, (b.high-b.low)/4
	for _, size := range usualMTUs {
		if d := max(size-middle, middle-size); inside(size) && d < distance {
			best, distance = size, d
		}
	}
	return best
}

// done reports whether the bound is exact.
func (b *pathBound) done() bool { return b.high-b.low <= 1 }
