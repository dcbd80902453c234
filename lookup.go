package ohce

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// DefaultService is the service that LookupServers uses if service is empty.
const DefaultService = "ohce"

// maxServers is the largest number of servers that LookupServers returns.
const maxServers = 16

// LookupServers resolves a name to the addresses of servers, "ip:port", in order of preference:
//
//   - for "ip:port", it returns the name itself;
//   - for "host:port", it returns each address of the host, in the order of the resolver (RFC
//     6724);
//   - for "name", without a port, it looks up the SRV records of _service._udp.name, orders them
//     by priority and weight (RFC 2782), and returns each address of each target with the port
//     of the record.
//
// service is a service name as in RFC 6335, such as "domain" or "stun". If empty, it is
// DefaultService. If resolver is nil, it is net.DefaultResolver. LookupServers returns at most 16
// servers. The error is an *OpError with Op "lookup".
func LookupServers(ctx context.Context, resolver *net.Resolver, service, name string) (
	[]string, error) {
	resolver = cmp.Or(resolver, net.DefaultResolver)
	servers, err := lookup(ctx, resolver, cmp.Or(service, DefaultService), name)
	if err != nil {
		return nil, &OpError{Op: "lookup", Addr: name, Err: err}
	}
	return servers[:min(len(servers), maxServers)], nil
}

func lookup(ctx context.Context, r *net.Resolver, service, name string) ([]string, error) {
	if host, port, err := net.SplitHostPort(name); err == nil {
		n, err := r.LookupPort(ctx, "udp", port)
		if err != nil {
			return nil, err
		}
		return lookupHost(ctx, r, host, uint16(n))
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || name == "" || strings.Contains(name, ":") {
		return nil, errors.New("missing port in address")
	}
	_, records, err := r.LookupSRV(ctx, service, "udp", name)
	if err != nil {
		return nil, err
	}
	var servers []string
	var failed error
	for _, record := range records {
		if record.Target == "." { // the service is not available (RFC 2782)
			continue
		}
		more, err := lookupHost(ctx, r, record.Target, record.Port)
		failed = errors.Join(failed, err)
		servers = append(servers, more...)
	}
	if len(servers) == 0 {
		return nil, cmp.Or(failed, errors.New(`service not available: the SRV target is "."`))
	}
	return servers, nil
}

// lookupHost returns each address of a host. An empty host means the local system, as in net.Dial.
func lookupHost(ctx context.Context, r *net.Resolver, host string, port uint16) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return []string{net.JoinHostPort(host, strconv.Itoa(int(port)))}, nil
	}
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var servers []string
	for _, addr := range addrs {
		server := netip.AddrPortFrom(addr.Unmap(), port).String()
		if !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	return servers, nil
}
