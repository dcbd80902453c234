package udp

import (
	"errors"
	"os"
	"time"
)

// A Receiver reads several connected sockets on one goroutine, and waits for datagrams until a
// given time.
type Receiver interface {
	// Receive waits until a datagram is queued on one of the sockets, reads the queued datagrams of
	// that socket into ms, and returns its index and the number of messages. If no datagram arrives
	// before deadline, n is 0. If the deadline has passed, Receive does not wait. The error is that
	// of a read of the socket; the caller may call Receive again.
	//
	// On Linux, Receive returns at most some microseconds after deadline: it polls in the last part
	// of the wait, because the kernel wakes a waiting thread up to some tens of microseconds late.
	// On other systems, it is as late as the timers of the runtime.
	Receive(ms []Message, deadline time.Time) (socket, n int, err error)

	// Close releases the Receiver. The sockets remain open.
	Close() error
}

// NewReceiver returns a Receiver for sockets that Connect has returned. No other goroutine may read
// or close them before Close. If there are several sockets and the system cannot wait for them
// together, the error is errors.ErrUnsupported.
func NewReceiver(sockets []Socket) (Receiver, error) {
	if r, err := newReceiver(sockets); !errors.Is(err, errors.ErrUnsupported) {
		return r, err
	}
	if len(sockets) != 1 {
		return nil, errors.ErrUnsupported
	}
	c, ok := sockets[0].(*packetConn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return &packetReceiver{c}, nil
}

// A packetReceiver is a Receiver for one portable socket.
type packetReceiver struct{ c *packetConn }

func (r *packetReceiver) Receive(ms []Message, deadline time.Time) (socket, n int, err error) {
	if err := r.c.pc.SetReadDeadline(deadline); err != nil {
		return 0, 0, err
	}
	err = r.c.readOne(&ms[0])
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, 0, nil
	case err != nil:
		return 0, 0, err
	default:
		return 0, 1, nil
	}
}

func (r *packetReceiver) Close() error { return r.c.pc.SetReadDeadline(time.Time{}) }
