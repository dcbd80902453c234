package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/udp"
)

// ErrNotLocal means that this machine does not have the address of Dialer.Source.
var ErrNotLocal = errors.New("this machine does not have the address")

// A Dialer opens connected UDP sockets with options of the network layer. The zero value uses the
// defaults of the system. A Dialer is safe for concurrent use if its fields are not changed.
// [Dialer.Dial] fits [Prober.Dial] and [ohce.Client.Dial].
type Dialer struct {
	// Source is the local address of the sockets. If its address is invalid or unspecified, the
	// system chooses one. If its port is 0, the system chooses one for each socket. Only one socket
	// at a time can have a port: set Prober.Match, so that all requests leave from one socket.
	Source netip.AddrPort

	// Interface is the name of the interface through which the datagrams leave, such as "eth0". If
	// empty, the routes determine it. Linux (SO_BINDTODEVICE; before 5.7 with CAP_NET_RAW) and
	// macOS receive responses through this interface only. FreeBSD lacks the option.
	Interface string

	// DSCP is the differentiated services code point (RFC 2474), from 0 to 63. If zero, datagrams
	// have the default of the system, which is 0. Windows lacks the option.
	DSCP int

	// TTL is the number of hops after which routers drop a datagram, from 1 to 255. IPv6 calls it
	// hop limit. If zero, it is the default of the system, usually 64.
	TTL int

	// DontFragment prevents this system and the routers from fragmenting datagrams. A datagram that
	// is longer than the MTU of the first link is not sent (EMSGSIZE). A router drops one that is
	// longer than the MTU of the next link. On Linux, a path MTU that the kernel has learned has no
	// effect on the datagrams (IP_PMTUDISC_PROBE; RFC 8899).
	DontFragment bool
}

// Dial returns a socket connected to address, which has the form "host:port". network is "udp",
// "udp4" or "udp6". The error names the field with an invalid value. It wraps
//
//   - ErrNotLocal, if this machine does not have the address of Source;
//   - ohce.ErrAddrInUse, if another socket has the port of Source;
//   - errors.ErrUnsupported, if the system lacks the option of a field that is not zero.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	c, err := d.options().Dial(ctx, network, address)
	if err != nil {
		return nil, d.describe(err)
	}
	return c, nil
}

// DialOpen is like Dial, but the socket is not connected, so the kernel does not drop datagrams that
// arrive from another address than that of the server. Reads drop them and call other with their
// source, on the goroutine that reads. ICMP messages are reported as with Dial. It needs Linux;
// elsewhere the error wraps errors.ErrUnsupported.
func (d *Dialer) DialOpen(ctx context.Context, network, address string,
	other func(from netip.AddrPort)) (net.Conn, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	server, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	c, err := d.options().DialOpen(ctx, server.AddrPort(), other)
	if err != nil {
		return nil, d.describe(err)
	}
	return c, nil
}

// describe returns the error of Dial for an error of a socket.
func (d *Dialer) describe(err error) error {
	switch {
	case d.Source.Port() != 0 && udp.Taken(err):
		return fmt.Errorf("measure: Dialer.Source %v: %w", d.Source, ohce.ErrAddrInUse)
	case d.Source.Addr().IsValid() && udp.NotLocal(err):
		return fmt.Errorf("measure: Dialer.Source %v: %w", d.Source, ErrNotLocal)
	default:
		return err
	}
}

// DialPort is like Dial with the network "udp", but the socket has the given source port instead of
// that of Source.
func (d *Dialer) DialPort(ctx context.Context, port uint16, address string) (net.Conn, error) {
	with := *d
	with.Source = netip.AddrPortFrom(d.Source.Addr(), port)
	return with.Dial(ctx, "udp", address)
}

// Check returns an error for the first field with an invalid value.
func (d *Dialer) Check() error {
	switch {
	case d.DSCP < 0 || d.DSCP > 63:
		return fmt.Errorf("measure: Dialer.DSCP is %d, want 0 to 63", d.DSCP)
	case d.TTL < 0 || d.TTL > 255:
		return fmt.Errorf("measure: Dialer.TTL is %d, want 0 to 255", d.TTL)
	case d.Source.Addr().IsMulticast():
		return fmt.Errorf("measure: Dialer.Source is the multicast address %v", d.Source.Addr())
	default:
		return nil
	}
}

func (d *Dialer) options() udp.Options {
	return udp.Options{
		Source: d.Source, Interface: d.Interface, DSCP: d.DSCP, HopLimit: d.TTL,
		DontFragment: d.DontFragment,
	}
}
