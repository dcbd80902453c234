package linkapi

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// checkAccess refuses requests that a web page makes without its user's knowledge.
func (s *Server) checkAccess(r *http.Request) error {
	var protection http.CrossOriginProtection
	if err := protection.Check(r); err != nil {
		return newError(403, "origin", "requests from web pages of another origin are refused")
	}
	// A web page can have this machine as its origin, if the page's host name resolves to it (DNS
	// rebinding).
	host := hostOf(r.Host)
	if local, ok := localAddr(r); !ok || allowsHost(local, host, s.Hosts) {
		return nil
	}
	e := newError(403, "host", "host "+strconv.Quote(host)+" is refused: use the IP address of the API")
	e.Hint = "to allow another name or address, start ohce link with --api-host"
	return e
}

// hostOf returns the name or address in a Host header.
func hostOf(header string) string {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}

// localAddr returns the address that the client of r has connected to. It is unknown if no server
// has accepted the request.
func localAddr(r *http.Request) (netip.Addr, bool) {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}, false
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return ap.Addr().Unmap().WithZone(""), err == nil
}

// allowsHost reports whether a request for host may use a connection to local. others are further
// names and addresses that are allowed.
func allowsHost(local netip.Addr, host string, others []string) bool {
	for _, other := range others {
		if strings.EqualFold(host, other) {
			return true
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return local.IsLoopback() && strings.EqualFold(host, "localhost")
	}
	ip = ip.Unmap().WithZone("")
	// The system connects a client of the unspecified address to a loopback address.
	return ip == local || local.IsLoopback() && (ip.IsLoopback() || ip.IsUnspecified())
}
