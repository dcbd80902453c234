// Package udp reads and writes batches of datagrams on UDP sockets. It is the only package that makes
// system calls.
//
// # Use
//
// [Listen] binds an address, [New] takes over a socket that exists already. Both give values of
// [Conn], on which one goroutine reads batches of [Message] and one at a time writes them.
//
// # Buffers
//
// The caller owns every buffer, and may use the ones given to Write again when Write returns. Read
// fills the ones it is given from their start. Neither allocates once its tables have grown to the
// batch in use; these keep the last buffers from being collected.
//
// # Platforms
//
// On Linux a batch is one recvmmsg or sendmmsg (since 2.6.33 and 3.0), runs of datagrams of one size
// are handed over as one (since 5.0, and given as one since 4.18), and a wildcard socket tells
// for each datagram which address it was sent to (IP_PKTINFO, IPV6_RECVPKTINFO). Elsewhere, and on
// Linux under the build tag ohce_portable, a batch is one datagram and a wildcard address is served
// by a socket for each address that the machine has, so that the answer leaves from the address
// that was asked there too. Addresses that the machine gets later are then not served.
package udp

import (
	"net/netip"
	"time"
)

// MaxWidth is the largest number of messages that one Read or Write hands to the kernel. Larger
// batches gain nothing: at 64 the cost of the call itself is below a hundredth of the whole.
const MaxWidth = 64

// A Message is one datagram, with where it comes from or goes to.
type Message struct {
	// Buf holds the bytes. Read uses the whole capacity and cuts Buf to what came; Write sends Buf
	// as it is, and an empty or nil Buf is an empty datagram.
	Buf []byte
	// Peer is the other side: the sender on Read, the receiver on Write. IPv4 addresses are plain
	// (never mapped into IPv6). Read leaves it invalid where the system did not tell, which happens
	// only together with Truncated.
	Peer netip.AddrPort
	// Local is this side's address: on Read the one the datagram was sent to, where the socket is
	// bound to a wildcard and the system tells; on Write the one to send from. The zero Addr means
	// the address the socket is bound to, or the one that the system's routing chooses.
	Local netip.Addr
	// IfIndex is the interface a datagram came through, or 0. It is set only with a link-local
	// Local, whose answer must leave by the same interface.
	IfIndex uint32
	// Segment, where it is not 0, says that Buf holds several datagrams from or to the same peer, of
	// Segment bytes each, the last one of at least 1 and at most Segment bytes. Read sets it where the
	// kernel hands over a run as one (UDP GRO, Linux 5.0); Write takes up to Conn.Run of them.
	Segment int
	// Truncated says that the datagram was longer than Buf and its end is lost. Not every system
	// tells: where that matters, give one byte more than the longest datagram that is wanted.
	Truncated bool
}

// Datagrams is how many datagrams the message stands for.
func (m *Message) Datagrams() int {
	if m.Segment == 0 {
		return 1
	}
	return (len(m.Buf) + m.Segment - 1) / m.Segment
}

// A Conn is one UDP socket. Read is for one goroutine at a time, and so is Write; the other methods
// may be called from any.
type Conn interface {
	// Read waits until at least one datagram is there and fills ms with as many as are, up to
	// Width. It returns how many. After Drain it does not wait: it returns what is queued, and
	// once that is nothing, net.ErrClosed; after Close, net.ErrClosed. Any other error leaves the
	// socket usable; Transient says whether going on makes sense.
	Read(ms []Message) (int, error)

	// ReadLent is Read into messages of l, which it borrows as late as the system lets it: on Linux when
	// something has come, elsewhere before. It returns those that are filled, at least one; the caller
	// gives them back with Return when their bytes are done with. With an error nothing is borrowed.
	ReadLent(l *Lender) ([]Message, error)

	// Write sends ms in order and returns how many were handed to the kernel. An error belongs to
	// ms[n] alone: that datagram is lost, and the caller goes on with ms[n+1:]. Of a run none was
	// sent, and each of its datagrams may yet be sent alone.
	Write(ms []Message) (n int, err error)

	// Run is how many datagrams of size bytes one Message to Write may hold; 1 where the kernel does
	// not take runs. It can fall while the socket is in use, for there are devices that refuse them.
	Run(size int) int

	// ReadSize is the least capacity of Buf with which Read cuts nothing that is not longer than Buf:
	// 65,535 where the kernel hands over runs, else 0.
	ReadSize() int

	// Spin makes Read look for datagrams again and again for some time before it waits for them, which
	// saves the time of waking up and costs processor time. 0, the beginning, is not at all. It is not
	// to be called during Read. Where a batch is one datagram it does nothing.
	Spin(d time.Duration)

	// Width is how many messages one Read can return at most; more slots are never used.
	Width() int

	// Capped says, for a socket of Listen, which buffer the system keeps smaller than is good and how to
	// change that; "" if none is, or the system does not tell.
	Capped() string

	// LocalAddr is the address the socket is bound to.
	LocalAddr() netip.AddrPort

	// Drain ends admission: where the system can be told (Linux), whatever arrives from now on is
	// thrown away by the kernel and counted in KernelDrops; elsewhere it is still read, within a
	// bound. A Read that waits returns.
	Drain() error

	// KernelDrops is how many datagrams the kernel has thrown away at this socket so far: no room
	// in its receive buffer, a bad checksum, arrival after Drain. Where the system does not tell it
	// is 0. After Close it keeps its last value.
	KernelDrops() uint64

	// Close closes the socket; what is still queued is lost.
	Close() error
}
