package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// An openSocket is a socket for one peer that also receives the datagrams of other addresses. Read
// returns those of the peer only.
type openSocket struct {
	*net.UDPConn
	peer  netip.AddrPort
	other func(from netip.AddrPort)
}

// DialOpen is like Dial, but the kernel does not drop datagrams from other addresses than the peer.
// Read drops them and passes their source to other, on the goroutine of the caller. ICMP messages are
// reported as by a connected socket. This needs Linux; elsewhere the error wraps
// errors.ErrUnsupported.
func (o Options) DialOpen(ctx context.Context, peer netip.AddrPort, other func(from netip.AddrPort)) (
	net.Conn, error) {
	if err := roomForPoller(); err != nil {
		return nil, err
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	network, local := "udp4", o.Source
	if peer.Addr().Is6() {
		network = "udp6"
	}
	address := fmt.Sprintf(":%d", local.Port())
	if local.Addr().IsValid() {
		address = local.String()
	}
	lc := net.ListenConfig{Control: o.prepareOpen}
	pc, err := lc.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	u, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected %T for network %s", pc, network), pc.Close())
	}
	pollerReady.Store(true)
	growSend(u)
	return &openSocket{u, peer, other}, nil
}

// prepareOpen is a control. It sets the options of a new socket that is not connected.
func (o Options) prepareOpen(network, address string, rc syscall.RawConn) error {
	if err := o.prepare(network, address, rc); err != nil {
		return err
	}
	var failed error
	err := rc.Control(func(fd uintptr) { failed = reportErrors(fd, strings.HasSuffix(network, "6")) })
	return errors.Join(err, failed)
}

// Read reads a datagram of the peer.
func (s *openSocket) Read(b []byte) (int, error) {
	for {
		n, from, err := s.ReadFromUDPAddrPort(b)
		if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); err != nil || s.isPeer(from) {
			return n, err
		}
		s.other(from)
	}
}

// isPeer reports whether an address is that of the peer. The zone of a link-local address can be a
// number or a name.
func (s *openSocket) isPeer(from netip.AddrPort) bool {
	return from.Port() == s.peer.Port() && from.Addr().WithZone("") == s.peer.Addr().WithZone("")
}

// Write sends b to the peer.
func (s *openSocket) Write(b []byte) (int, error) { return s.WriteToUDPAddrPort(b, s.peer) }

// RemoteAddr returns the address of the peer.
func (s *openSocket) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(s.peer) }
