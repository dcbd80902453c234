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

// listen binds ap on share sockets, or on one if the kernel lacks SO_REUSEPORT.
func listen(ctx context.Context, ap netip.AddrPort, share int) ([]Socket, netip.AddrPort, error) {
	first, err := bindOne(ctx, ap, ignoreResets)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	conns, bound := []Socket{first}, first.local
	if share > 1 && featureReusePort.probe() == nil {
		// The first socket binds without the option, which fails if the address is in use, even by
		// a socket that would share it.
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

// bindMore appends sockets that share ap until conns has n.
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

// adopt returns a Socket that uses pc, with the features and buffer sizes of one returned by
// Listen.
func adopt(pc *net.UDPConn) (Socket, error) {
	c, err := newUDP(pc)
	if err != nil {
		return nil, err
	}
	c.warning = growBuffers(pc)
	c.shared.Store(true)
	return c, nil
}

// growBuffers enlarges the buffers of pc to socketBuffer. Without the privilege to exceed the
// system's limits, it enlarges them up to the limits and returns a warning. It does not shrink
// buffers.
func growBuffers(pc *net.UDPConn) (warning string) {
	rc, err := pc.SyscallConn()
	if err != nil {
		return ""
	}
	// If the options cannot be set, the socket works with its present buffers.
	_ = onDescriptor(rc, func(fd int) error {
		warning = cmp.Or(
			receiveBuffer.grow(fd, socketBuffer),
			sendBuffer.grow(fd, socketBuffer),
		)
		return nil
	})
	return warning
}

// growSend does nothing, because the default send buffer of Linux holds a datagram of any length.
func growSend(*net.UDPConn) {}

// A buffer describes the receive or the send buffer of a socket: the options that set its size and
// the sysctl that limits it.
type buffer struct {
	name          string
	force, option int
	sysctl        string
}

var (
	receiveBuffer = buffer{"receive", unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, "net.core.rmem_max"}
	sendBuffer    = buffer{"send", unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, "net.core.wmem_max"}
)

// grow enlarges the buffer to size bytes. If a system limit keeps it smaller, grow returns a
// warning. The kernel doubles the size that is set and reports the doubled size (socket(7)).
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
	return fmt.Sprintf("the %s buffer has %d bytes instead of %d; to enlarge it: sysctl -w %s=%d",
		b.name, got/2, size, b.sysctl, size)
}
