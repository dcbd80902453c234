//go:build !ohce_portable

package udp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// listen binds ap on as many sockets as are to share it.
func listen(ctx context.Context, ap netip.AddrPort, share int) ([]Socket, netip.AddrPort, error) {
	first, err := bindOne(ctx, ap, ignoreResets)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	conns, bound := []Socket{first}, first.local
	if share > 1 && featureReusePort.probe() == nil {
		// The first one is bound before it shares: where another program has the address, that
		// shows.
		if err = first.control(sharePort); err == nil {
			conns, err = bindMore(ctx, conns, netip.AddrPortFrom(ap.Addr(), bound.Port()), share)
		}
	}
	if err != nil {
		closeAll(conns)
		return nil, netip.AddrPort{}, err
	}
	return conns, bound, nil
}

// bindMore appends sockets that share ap with the first one until there are n.
func bindMore(ctx context.Context, conns []Socket, ap netip.AddrPort, n int) ([]Socket, error) {
	for len(conns) < n {
		c, err := bindOne(ctx, ap, func(_, _ string, rc syscall.RawConn) error {
			return onDescriptor(rc, sharePort)
		})
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

func sharePort(fd int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	return os.NewSyscallError("setsockopt", err)
}

// bindOne binds ap on one socket.
func bindOne(ctx context.Context, ap netip.AddrPort, prepare control) (*udpConn, error) {
	pc, warning, err := bind(ctx, network(ap), ap, prepare)
	if err != nil {
		return nil, err
	}
	c, err := newUDP(pc)
	if err != nil {
		return nil, errors.Join(err, pc.Close())
	}
	c.warning = warning
	return c, nil
}

// adopt makes a Socket of pc that is equal to those of Listen.
func adopt(pc *net.UDPConn) (Socket, error) {
	c, err := newUDP(pc)
	if err != nil {
		return nil, err
	}
	c.warning = growBuffers(pc)
	return c, nil
}

// growBuffers asks for large buffers: past the system's limit where this process may, else up to
// it, and then returns what limits them. Buffers that are larger already stay as they are.
func growBuffers(pc *net.UDPConn) (warning string) {
	rc, err := pc.SyscallConn()
	if err != nil {
		return ""
	}
	// A socket whose options cannot be set works with the buffers that it has.
	_ = onDescriptor(rc, func(fd int) error {
		warning = cmp.Or(
			receiveBuffer.grow(fd, socketBuffer),
			sendBuffer.grow(fd, socketBuffer),
		)
		return nil
	})
	return warning
}

// growSend has nothing to do: a send buffer takes a datagram of any length here.
func growSend(*net.UDPConn) {}

// A buffer is one of a socket's two, with the options that set it and what limits it.
type buffer struct {
	name          string
	force, option int
	sysctl        string
}

var (
	receiveBuffer = buffer{"receive", unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, "net.core.rmem_max"}
	sendBuffer    = buffer{"send", unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, "net.core.wmem_max"}
)

// grow asks for size bytes, and returns what keeps the buffer smaller. The kernel doubles what it
// is asked for and reports the double (socket(7)).
func (b buffer) grow(fd, size int) (warning string) {
	if has, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, b.option); err == nil && has >= 2*size {
		return ""
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, b.force, size) == nil {
		return ""
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, b.option, size)
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, b.option)
	if err != nil || got >= 2*size {
		return ""
	}
	return fmt.Sprintf("the %s buffer has %d bytes instead of %d; to change that: sysctl -w %s=%d",
		b.name, got/2, size, b.sysctl, size)
}
