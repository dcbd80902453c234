package measure

import "net/netip"

// A PathLimit is the reason why a larger packet does not pass.
type PathLimit string

const (
	// PathLimitNone means that the largest possible datagram passes.
	PathLimitNone PathLimit = "none"
	// PathLimitInterface means that the packet is larger than the MTU of this machine's interface.
	PathLimitInterface PathLimit = "interface"
	// PathLimitICMP means that a router reported that the packet is too large for its next link.
	PathLimitICMP PathLimit = "icmp"
	// PathLimitFragmented means that the packet arrives in fragments. Either a router fragments it, or
	// the sender knows the path MTU from an ICMP message.
	PathLimitFragmented PathLimit = "fragmented"
	// PathLimitLost means that the packet is lost without a report: the path is a black hole for it.
	PathLimitLost PathLimit = "lost"
)

// A PathDirection is the result for one direction of a path.
type PathDirection struct {
	// MTU is the size of the largest packet that passes in one piece, in bytes with the headers of IP
	// and UDP. It is 0 if nothing is known.
	MTU int
	// Exact reports that a packet with one byte more does not pass. If it is false, larger packets may
	// pass.
	Exact bool
	// Seen is the size of the largest packet whose passage was observed. It is less than MTU if only
	// the report of a router says that packets of the size MTU pass.
	Seen int
	// Limit is the reason why a larger packet does not pass.
	Limit PathLimit
	// Router is the source of the ICMP messages, if Limit is PathLimitICMP.
	Router netip.Addr
}

// A PathReport is the result of PathProber.Run.
type PathReport struct {
	// Forward is the direction of the requests, Return that of the responses.
	Forward, Return PathDirection
	// Overhead is the size of the headers of IP and UDP, in bytes: 28 for IPv4 and 48 for IPv6. The
	// largest datagram that passes is MTU-Overhead bytes long.
	Overhead int
	// Sent is the number of requests that were sent. Lost counts the requests without a response
	// among those of sizes that pass.
	Sent, Lost int
	// Tries is how often a size was tried before it counted as too large.
	Tries int
}

// Payload returns the length of the longest datagram that passes in a direction, in bytes.
func (r *PathReport) Payload(d *PathDirection) int { return max(d.MTU-r.Overhead, 0) }
