package handover

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
)

// A Socket is a UDP socket that the process has inherited.
type Socket struct {
	// Name is the name from systemd (FileDescriptorName= in a socket unit, or that passed to
	// Store). It is empty for a socket of a predecessor.
	Name string

	// Addr is the address that the socket is bound to.
	Addr netip.AddrPort

	// Conn is the socket.
	Conn *net.UDPConn
}

// A Listener is a TCP listener that the process has inherited, for example that of its metrics.
type Listener struct {
	// Name is the name from systemd. It is empty for a listener of a predecessor.
	Name string

	// Addr is the address that the listener is bound to.
	Addr netip.AddrPort

	// Listener is the listener.
	Listener *net.TCPListener
}

// An Inheritance holds the sockets and listeners that a process has inherited. The zero value has
// none.
type Inheritance struct {
	// Sockets are the inherited UDP sockets, in the order in which they were passed.
	Sockets []Socket

	// Listeners are the inherited TCP listeners, in the order in which they were passed.
	Listeners []Listener

	// Predecessor reports whether the sockets are those of a process that waits for Ready.
	Predecessor bool

	ready *os.File // the pipe to the predecessor, until Ready
}

// Conns returns all sockets for ohce.Server.Adopt.
func (in *Inheritance) Conns() []net.PacketConn {
	conns := make([]net.PacketConn, len(in.Sockets))
	for i, s := range in.Sockets {
		conns[i] = s.Conn
	}
	return conns
}

// Take removes the sockets with an address from in and returns them. There can be several for one
// address (SO_REUSEPORT). If the port of addr is 0, Take uses the port of the first socket with
// that IP address.
func (in *Inheritance) Take(addr netip.AddrPort) []net.PacketConn {
	if addr.Port() == 0 {
		same := func(s Socket) bool { return s.Addr.Addr() == addr.Addr() }
		if i := slices.IndexFunc(in.Sockets, same); i >= 0 {
			addr = in.Sockets[i].Addr
		}
	}
	var taken []net.PacketConn
	in.Sockets = slices.DeleteFunc(in.Sockets, func(s Socket) bool {
		if s.Addr == addr {
			taken = append(taken, s.Conn)
		}
		return s.Addr == addr
	})
	return taken
}

// TakeListener removes the listener with an address from in and returns it, or nil if there is none.
// If the port of addr is 0, TakeListener takes the first listener with that IP address.
func (in *Inheritance) TakeListener(addr netip.AddrPort) *net.TCPListener {
	i := slices.IndexFunc(in.Listeners, func(l Listener) bool {
		return l.Addr == addr || addr.Port() == 0 && l.Addr.Addr() == addr.Addr()
	})
	if i < 0 {
		return nil
	}
	l := in.Listeners[i].Listener
	in.Listeners = slices.Delete(in.Listeners, i, i+1)
	return l
}

// ErrGivenUp is returned by Inherit and Ready if the predecessor no longer waits for this process.
var ErrGivenUp = errors.New("handover: the predecessor no longer waits")

// Ready reports that the process can serve: to the predecessor or, if there is none, to systemd
// (READY=1). It must be called before the process reads from the sockets. If it returns an error
// for which errors.Is reports ErrGivenUp, the predecessor continues to serve, and the process must
// exit.
func (in *Inheritance) Ready() error {
	if !in.Predecessor {
		return Notify("READY=1")
	}
	if in.ready == nil {
		return nil
	}
	_, err := in.ready.Write([]byte{readyByte})
	in.ready.Close()
	in.ready = nil
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGivenUp, err)
	}
	return nil
}

// readyByte is the byte that a successor writes to the ready pipe.
const readyByte = 'R'

// Close closes the sockets and listeners that Take and TakeListener have not removed. A predecessor
// that waits for Ready continues to serve.
func (in *Inheritance) Close() {
	for _, s := range in.Sockets {
		s.Conn.Close()
	}
	for _, l := range in.Listeners {
		l.Listener.Close()
	}
	in.Sockets, in.Listeners = nil, nil
	if in.ready != nil {
		in.ready.Close()
		in.ready = nil
	}
}
