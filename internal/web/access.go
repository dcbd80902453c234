package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// ErrOrigin is the error of CheckAccess for a request of a web page of another origin.
var ErrOrigin = errors.New("requests from web pages of another origin are refused")

// A HostError is the error of CheckAccess for a Host header that is not allowed.
type HostError struct {
	// Host is the name or address in the header, without a port.
	Host string
}

func (e *HostError) Error() string { return "host " + strconv.Quote(e.Host) + " is refused" }

// CheckSameOrigin is like CheckAccess, but also refuses requests of another origin that change
// nothing. Such a page cannot read the response, but it can cost the server time.
func CheckSameOrigin(r *http.Request, hosts []string) error {
	changing := *r
	changing.Method = http.MethodPost
	return CheckAccess(&changing, hosts)
}

// CheckAccess refuses requests that change something and that a web page of another origin makes
// without its user's knowledge, and requests of a page whose name resolves to this machine. The Host
// header must have the address of the connection or, on a loopback address, localhost, or one of hosts. The
// error is ErrOrigin or a *HostError.
func CheckAccess(r *http.Request, hosts []string) error {
	var protection http.CrossOriginProtection
	if err := protection.Check(r); err != nil {
		return ErrOrigin
	}
	// A web page can have this machine as its origin, if the page's host name resolves to it (DNS
	// rebinding).
	host := hostOf(r.Host)
	if local, ok := localAddr(r); !ok || allowsHost(local, host, hosts) {
		return nil
	}
	return &HostError{Host: host}
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
