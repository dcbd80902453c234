package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
)

// Options are settings of the network layer for a connected socket. A field that is zero leaves the
// choice to the system. The caller checks the ranges.
type Options struct {
	Source       netip.AddrPort // local address; the address, the port or both can be zero
	Interface    string         // name of the interface that datagrams leave and arrive through
	DSCP         int            // differentiated services code point (RFC 2474), 1 to 63
	HopLimit     int            // hop limit, called TTL in IPv4, 1 to 255
	DontFragment bool           // no system on the path fragments a datagram (RFC 8899)
}

// Dial returns a UDP socket connected to addr, which has the form "host:port". network is "udp",
// "udp4" or "udp6". If the host is a name, Dial uses the first of its addresses to which a socket
// can be connected. The send buffer holds a datagram of any length that UDP allows.
//
// If the platform lacks an option, the error wraps errors.ErrUnsupported. If the process has too
// many files open, Dial fails with an error for which TooManyFiles is true.
func (o Options) Dial(ctx context.Context, network, addr string) (*net.UDPConn, error) {
	if err := roomForPoller(); err != nil {
		return nil, err
	}
	d := net.Dialer{Control: o.prepare}
	if o.Source.Addr().IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(o.Source)
	} else if o.Source.Port() != 0 {
		d.LocalAddr = &net.UDPAddr{Port: int(o.Source.Port())}
	}
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected %T for network %s", c, network), c.Close())
	}
	pollerReady.Store(true)
	growSend(u)
	return u, nil
}

// prepare is a control. It sets the options of a new socket.
func (o Options) prepare(network, address string, rc syscall.RawConn) error {
	if err := ignoreResets(network, address, rc); err != nil {
		return err
	}
	var failed error
	err := rc.Control(func(fd uintptr) { failed = o.set(fd, strings.HasSuffix(network, "6")) })
	return errors.Join(err, failed)
}

// set sets the options of a socket.
func (o Options) set(fd uintptr, inet6 bool) error {
	if o.Interface != "" {
		if err := bindInterface(fd, inet6, o.Interface); err != nil {
			return fmt.Errorf("interface %s: %w", o.Interface, err)
		}
	}
	names := options4
	if inet6 {
		names = options6
	}
	if o.DSCP != 0 {
		// The code point is followed by two bits for ECN (RFC 3168, section 5).
		if err := setOption(fd, names.trafficClass, o.DSCP<<2); err != nil {
			return fmt.Errorf("DSCP %d: %w", o.DSCP, err)
		}
	}
	if o.HopLimit != 0 {
		if err := setOption(fd, names.hopLimit, o.HopLimit); err != nil {
			return fmt.Errorf("TTL %d: %w", o.HopLimit, err)
		}
	}
	if o.DontFragment {
		if err := setOption(fd, names.dontFragment, names.dontFragmentValue); err != nil {
			return fmt.Errorf("don't fragment: %w", err)
		}
	}
	return nil
}

// optionNames are the socket options of an address family. The zero option does not exist.
type optionNames struct {
	trafficClass, hopLimit, dontFragment option
	dontFragmentValue                    int
}

// An option is a socket option whose value is an integer.
type option struct{ level, name int }

// setOption sets an option of a socket.
func setOption(fd uintptr, o option, value int) error {
	if o == (option{}) {
		return unsupported()
	}
	return setsockopt(fd, o, value)
}

// unsupported returns the error for an option that the platform lacks.
func unsupported() error { return fmt.Errorf("%w on %s", errors.ErrUnsupported, runtime.GOOS) }
