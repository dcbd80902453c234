// Package udp reads and writes batches of datagrams on UDP sockets. It is the only package that
// makes system calls.
//
// # Use
//
// [Listen] binds an address, [New] takes over a socket that exists, [Connect] one that is connected
// to its only peer. Each returns a [Socket]: one goroutine reads batches of [Message] from it, and
// one at a time writes them. Code that only reads and writes needs no more than a [Conn].
//
// # Buffers
//
// The caller owns every buffer, and may reuse those given to Write as soon as Write returns. Read
// fills the buffers it is given from their start. Neither allocates once its tables have grown to
// the largest batch; the tables keep the last buffers from being collected.
//
// # Platforms
//
// On Linux a batch is one recvmmsg or sendmmsg (since 2.6.33 and 3.0), the kernel takes and returns
// several datagrams of equal size as the segments of one message (since 4.18 and 5.0), and a
// wildcard socket reports for each datagram the address that it was sent to (IP_PKTINFO,
// IPV6_RECVPKTINFO). Elsewhere, and on Linux under the build tag ohce_portable, a batch is one
// datagram, and a wildcard address is served by one socket for each address of the machine, so that
// responses leave from the address that was asked there too. Addresses that the machine gets later
// are not served then.
package udp

import (
	"net/netip"
	"time"
)

// MaxWidth is the largest number of messages that one Read or Write hands to the kernel. Larger
// batches gain nothing: at 64 the system call is less than a hundredth of the cost.
const MaxWidth = 64

// A Conn reads and writes datagrams on one UDP socket. One goroutine at a time may call Read, and
// one at a time Write; LocalAddr and Close may be called by any.
type Conn interface {
	// Read waits until a datagram is queued, fills ms with the queued ones, up to Width, and
	// returns their number. Once Drain has been called it does not wait: it returns what is queued,
	// then net.ErrClosed. After Release and Close it returns net.ErrClosed. After any other error
	// the socket can still be used; Transient reports whether reading again makes sense.
	Read(ms []Message) (int, error)

	// Write sends ms in order and returns the number of messages that the kernel took. An error is
	// about ms[n] alone: that message is lost, and the caller can continue with ms[n+1:]. If ms[n]
	// has segments, none was sent, and each can still be sent by itself. SendAll does both.
	Write(ms []Message) (n int, err error)

	// LocalAddr returns the address that the socket is bound to.
	LocalAddr() netip.AddrPort

	// Close closes the socket. Datagrams that are still queued are lost.
	Close() error
}

// A Socket is a [Conn] of this package, with all that can be set, asked and ended. Unless a method
// says otherwise it may be called by any goroutine.
type Socket interface {
	Conn
	Tuning
	Diagnostics

	// ReadPooled is Read into messages from pool, taken as late as the system allows: on Linux when
	// a datagram is queued, elsewhere before waiting. It returns the filled messages, at least one,
	// which the caller gives back with Put. If it returns an error, it holds no messages of the
	// pool.
	ReadPooled(pool *BufferPool) ([]Message, error)

	// Drain ends the admission of datagrams: on Linux the kernel drops those that arrive from now
	// on and counts them in KernelDropped; elsewhere they are still read, up to a limit. A waiting
	// Read returns.
	Drain() error

	// Release ends reading and leaves what is queued, and what arrives, to another process that has
	// a copy of the descriptor. A waiting Read returns; Write works until Close. It removes the
	// filter of an earlier Drain. The other options of the socket stay: the other process should
	// take it over with New.
	Release() error
}

// Tuning has the limits of a socket's batches and how its reader waits.
type Tuning interface {
	// Width returns the largest number of messages that one Read fills.
	Width() int

	// MinReadBuffer returns the least capacity of a Buf given to Read: a shorter one can truncate
	// datagrams that fit. It is 65,535 if the kernel returns several datagrams as segments, else 0.
	MinReadBuffer() int

	// MaxSegments returns how many datagrams of size bytes one message given to Write can hold, 1
	// if the kernel takes no segments. It can fall while the socket is in use, because some devices
	// refuse them.
	MaxSegments(size int) int

	// BusyPoll makes Read poll an empty socket for d before it blocks. Polling avoids the wake-up,
	// at the cost of CPU time. If d is 0 or negative, as at the beginning, Read blocks at once. It
	// must not be called during Read, and has no effect where a batch is one datagram.
	BusyPoll(d time.Duration)
}

// Diagnostics reports what the kernel does to a socket's datagrams.
type Diagnostics interface {
	// KernelDropped returns the number of datagrams that the kernel has dropped at this socket: its
	// receive buffer was full, the checksum was wrong, or they arrived after Drain. It is 0 where
	// the system does not count them. After Close it keeps its last value.
	KernelDropped() uint64

	// BufferWarning returns which buffer the system keeps smaller than the socket asked for, and
	// how to change that; "" if neither is, or if the system does not tell.
	BufferWarning() string
}
