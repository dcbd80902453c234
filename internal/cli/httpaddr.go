package cli

import (
	"net"
	"net/netip"
	"strings"
)

// allowedHosts returns the names that the Host header of HTTP requests may have, besides the address
// of the connection: names, which are the values of flag, and the host name in addr.
func allowedHosts(flag string, names []string, addr string) ([]string, error) {
	for _, name := range names {
		_, err := netip.ParseAddr(name)
		if err != nil && (name == "" || strings.ContainsAny(name, ":/[] ")) {
			return nil, usage("write a host name or an IP address without a port, as in lab.example",
				"--%s %q is not a name", flag, name)
		}
	}
	host, _, _ := net.SplitHostPort(addr)
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		names = append(names, host)
	}
	return names, nil
}

// tcpNetwork returns the network to listen on for HTTP. With "tcp", 0.0.0.0 would include IPv6.
func tcpNetwork(addr string) string {
	if ap, err := netip.ParseAddrPort(addr); err == nil && ap.Addr().Is4() {
		return "tcp4"
	}
	return "tcp"
}
