// Package udp reads and writes batches of datagrams on UDP sockets. It is the only package that
// makes system calls.
//
// # Use
//
// A [Socket] reads and writes batches of [Message]. [Listen] returns new sockets bound to an
// address. [New] and [Connect] return a Socket for an existing one. Code that only reads and writes
// can use the smaller interface [Conn].
//
// # Buffers
//
// The caller owns all buffers. Read and Write do not use them after they return, but keep
// references to them until the next call. Neither allocates once its tables have grown to the
// largest batch.
//
// # Platforms
//
// On Linux:
//
//   - A batch is one call of recvmmsg (Linux 2.6.33) or sendmmsg (3.0).
//   - A message can hold several datagrams of equal size as segments, received with UDP GRO (5.0) or
//     sent with UDP GSO (4.18).
//   - A socket bound to a wildcard address reports the address that each datagram was sent to
//     (IP_PKTINFO, IPV6_RECVPKTINFO), so that the response can leave from it.
//
// On other systems, and on Linux with the build tag ohce_portable, a batch is one datagram. To
// listen on a wildcard address, Listen opens one socket for each address of the machine, so that
// responses leave from the right address. Addresses that the machine acquires later are not served.
package udp

import (
	"net/netip"
	"os"
	"time"
)

// MaxWidth is the maximum number of messages in one system call. Larger batches gain nothing: with
// 64 messages, the system call itself is less than 1 % of the cost.
const MaxWidth = 64

// A Conn reads and writes datagrams on one UDP socket. One goroutine at a time may call Read, and
// one at a time may call Write. Any goroutine may call LocalAddr and Close.
type Conn interface {
	// Read waits until a datagram is queued, reads the queued datagrams into ms, and returns the
	// number of messages read. It reads at most Tuning.Width messages. After Drain, Read does not
	// wait: it returns the queued datagrams and then net.ErrClosed. After Release or Close, it
	// returns net.ErrClosed. After any other error, the caller may call Read again. Transient
	// reports whether that makes sense.
	Read(ms []Message) (int, error)

	// Write sends ms in order and returns the number of messages sent. A non-nil error concerns
	// only ms[n], which was not sent. The caller can continue with ms[n+1:]. If ms[n] has segments,
	// the caller can first try to send them one by one, as SendAll does.
	Write(ms []Message) (n int, err error)

	// LocalAddr returns the address that the socket is bound to.
	LocalAddr() netip.AddrPort

	// Close closes the socket and discards the datagrams that are still queued.
	Close() error
}

// A Socket is a [Conn] with control over batches and shutdown. Any goroutine may call a method
// unless its comment says otherwise.
type Socket interface {
	Conn
	Tuning
	Diagnostics

	// ReadPooled is like Read, but takes the messages from pool, and returns at least one. The
	// caller must return them with Put. On Linux, ReadPooled takes messages only after a datagram
	// is queued. On other systems, it takes them before it waits. If ReadPooled returns an error,
	// it has returned all messages to the pool. Like Read, it may be called by one goroutine at a
	// time.
	ReadPooled(pool *BufferPool) ([]Message, error)

	// Drain stops the admission of new datagrams and unblocks Read, which still returns the queued
	// ones. On Linux, the kernel drops datagrams that arrive after Drain and counts them in
	// KernelDropped. On other systems, Read still returns such datagrams, up to a limit. After
	// Close, the kernel queues datagrams for other processes that have the socket.
	Drain() error

	// Release stops reading and unblocks Read, so that another process with a duplicate of the
	// descriptor can read the queued and all later datagrams. Write continues to work until Close.
	// Release undoes Drain, but keeps the other socket options. The other process should call New.
	Release() error

	// DenySources makes the kernel drop the datagrams from sources in prefixes that arrive later,
	// before it copies them. KernelDropped counts them. The prefixes must be sorted and must not
	// overlap. They replace those of an earlier call, also if another process with a duplicate of
	// the descriptor made it. If prefixes is empty, the kernel drops no sources. After an error, it
	// drops none either. If the system has no such filters, the error is errors.ErrUnsupported.
	//
	// After Drain, DenySources has no effect before Release. After Release, it has none.
	DenySources(prefixes []netip.Prefix) error

	// File returns a duplicate of the socket's descriptor for another process. The caller must close
	// it. If the socket has no descriptor, the error is errors.ErrUnsupported.
	File() (*os.File, error)
}

// Tuning has the limits of a socket's batches, and controls how its reader waits.
type Tuning interface {
	// Width returns the maximum number of messages that one Read returns.
	Width() int

	// MinReadBuffer returns the minimum capacity of a Buf for Read. With a smaller one, Read can
	// truncate datagrams that are shorter than it. MinReadBuffer is 65,535 if the kernel returns
	// several datagrams as segments, otherwise 0.
	MinReadBuffer() int

	// MaxSegments returns the maximum number of datagrams of size bytes in one message for Write.
	// It is 1 if the kernel does not support segments. It can decrease while the socket is in use,
	// because some devices refuse segments.
	MaxSegments(size int) int

	// BusyPoll makes Read poll an empty socket for d before it blocks. Polling avoids the wake-up,
	// at the cost of CPU time. If d is zero or negative, which is the default, Read blocks
	// immediately. BusyPoll must not be called during Read. It has no effect if Width is 1.
	BusyPoll(d time.Duration)
}

// Diagnostics reports the kernel's treatment of a socket and its datagrams.
type Diagnostics interface {
	// KernelDropped returns the number of datagrams that the kernel has dropped at this socket,
	// because the receive buffer was full, the checksum was wrong, DenySources denies their source,
	// or they arrived after Drain. Linux counts segments that it received as one packet as one. The
	// result is 0 if the system does not count them. After Close, KernelDropped returns the last value.
	KernelDropped() uint64

	// BufferWarning returns a message if a system limit keeps one of the socket's buffers smaller
	// than requested. The message says how to raise the limit. It is "" if both buffers have the
	// requested size, or if the system does not report sizes.
	BufferWarning() string
}
