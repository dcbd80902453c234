package exporter

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// A lookup returns the addresses of a name, as net.Resolver.LookupNetIP does.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// resolve returns the address of a host for a module: the first one of the preferred family or, if
// there is none and the module allows it, of the other family.
func (u *UDP) resolve(ctx context.Context, look lookup, host string) (netip.Addr, error) {
	if look == nil {
		look = net.DefaultResolver.LookupNetIP
	}
	var all []netip.Addr
	if literal, err := netip.ParseAddr(host); err == nil {
		all = append(all, literal)
	} else if all, err = look(ctx, "ip", host); err != nil {
		return netip.Addr{}, err
	}
	for _, addr := range all {
		if addr = addr.Unmap(); addr.Is4() == u.PreferIPv4 {
			return addr, nil
		}
	}
	if len(all) == 0 || !u.Fallback {
		family := "IPv6"
		if u.PreferIPv4 {
			family = "IPv4"
		}
		return netip.Addr{}, fmt.Errorf("%s has no %s address", host, family)
	}
	return all[0].Unmap(), nil
}
