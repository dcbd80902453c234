package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
)

// dialFlags are the flags for the network layer of the sockets that requests leave from.
type dialFlags struct {
	source, iface, dscp string
	ttl                 int
	dontFragment        bool
}

// add adds the flags to a command.
func (f *dialFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.source, "source", "", "send from `ADDR[:PORT]` of this machine, or from :PORT")
	flags.StringVar(&f.iface, "interface", "", "send through the interface `NAME`, whatever the routes say")
	flags.StringVar(&f.dscp, "dscp", "",
		"mark requests with the code point `N`: 0 to 63, or a name such as EF, AF41 or CS1")
	flags.IntVar(&f.ttl, "ttl", 0,
		"routers drop a request after `N` hops: 1 to 255 (0: the system's default)")
	flags.BoolVar(&f.dontFragment, "dont-fragment", false, "no system on the path may fragment a request")
	completeFlag(cmd, "dscp", dscpNames()...)
}

// dialer returns the dialer for the values of the flags.
func (f *dialFlags) dialer() (d measure.Dialer, err error) {
	d = measure.Dialer{Interface: f.iface, TTL: f.ttl, DontFragment: f.dontFragment}
	if f.ttl < 0 || f.ttl > 255 {
		return d, usage("give a number of hops from 1 to 255, or 0 for the system's default",
			"--ttl %d is not from 0 to 255", f.ttl)
	}
	if f.source != "" {
		if d.Source, err = parseSource(f.source); err != nil {
			return d, err
		}
	}
	if f.dscp != "" {
		if d.DSCP, err = parseDSCP(f.dscp); err != nil {
			return d, err
		}
	}
	return d, checkInterface(f.iface)
}

// parseSource parses a value of --source: ADDR, ADDR:PORT or :PORT.
func parseSource(value string) (netip.AddrPort, error) {
	const hint = "give an address of this machine, with or without a port, as in 192.0.2.7, " +
		"192.0.2.7:4000, [2001:db8::7]:4000 or :4000"
	if addr, err := netip.ParseAddr(strings.Trim(value, "[]")); err == nil {
		return netip.AddrPortFrom(addr.Unmap(), 0), nil
	}
	host, service, err := net.SplitHostPort(value)
	if err != nil {
		return netip.AddrPort{}, usage(hint, "--source %q is not an address", value)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, usage("ports go from 1 to 65535", "--source %q: there is no port %q",
			value, service)
	}
	if host == "" {
		return netip.AddrPortFrom(netip.Addr{}, uint16(port)), nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, usage(hint, "--source %q: %q is not an address", value, host)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}

// checkInterface checks that an interface exists, if a name is given.
func checkInterface(name string) error {
	if name == "" {
		return nil
	}
	if _, err := net.InterfaceByName(name); err == nil {
		return nil
	}
	var names []string
	all, err := net.Interfaces()
	if err != nil {
		return usage("check the name", "--interface %q: %v", name, rootCause(err))
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return usage("this machine has "+strings.Join(names, ", "), "--interface %q: no such interface",
		name)
}

// selectAddr returns the first address of found that a socket with the source of d can reach. addrs
// are the results of a lookup of target.
func (f *dialFlags) selectAddr(d *measure.Dialer, target string, addrs []string) (string, error) {
	source := d.Source.Addr()
	if !source.IsValid() || source.IsUnspecified() {
		return addrs[0], nil
	}
	for _, a := range addrs {
		if ap, err := netip.ParseAddrPort(a); err != nil || ap.Addr().Unmap().Is4() == source.Is4() {
			return a, nil
		}
	}
	family, other := "an IPv4", "IPv6"
	if source.Is6() {
		family, other = "an IPv6", "IPv4"
	}
	return "", usage("give a source of the same family",
		"--source %s is %s address, and %s has only %s addresses", f.source, family, target, other)
}

// check opens a socket as a test. It returns the failure if the flags cannot work. Other errors are
// results of the measurement.
func (f *dialFlags) check(ctx context.Context, d *measure.Dialer, addr string) error {
	if *d == (measure.Dialer{}) {
		return nil
	}
	c, err := d.Dial(ctx, "udp", addr)
	switch {
	case err == nil:
		c.Close()
		return nil
	case errors.Is(err, ohce.ErrAddrInUse):
		return &failure{what: fmt.Sprintf("--source %s: the port is in use", f.source),
			hint: "another program uses it; choose another port", code: exitNotSent}
	case errors.Is(err, measure.ErrNotLocal):
		return &failure{what: fmt.Sprintf("--source %s: %v", f.source, measure.ErrNotLocal),
			hint: "give an address of this machine, or leave --source out", code: exitNotSent}
	case errors.Is(err, errors.ErrUnsupported):
		return usage("leave the flag out on this system", "%v", rootCause(err))
	default:
		return nil
	}
}
