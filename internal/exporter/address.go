package exporter

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// An addressError is the error of a target that is not an address.
type addressError struct{ what, hint string }

func (e *addressError) Error() string { return e.what }

func hintOf(err error) string {
	var e *addressError
	if errors.As(err, &e) {
		return e.hint
	}
	return ""
}

// maxAddr is the length in bytes of the longest target: a name (RFC 1035, section 2.3.4) and a port.
const maxAddr = 255 + len(":65535")

const addressForm = "write HOST:PORT, as in 192.0.2.7:3000 or [2001:db8::7]:3000"

// A hostPort is a target with its port.
type hostPort struct {
	host string
	port uint16
}

// address splits a target into host and port. A target without a port has the usual port of the
// module's protocol.
func (m *Module) address(target string) (hostPort, error) {
	if err := checkForm(target); err != nil {
		return hostPort{}, err
	}
	host, text, err := net.SplitHostPort(target)
	if err != nil {
		if err := m.checkPortless(target); err != nil {
			return hostPort{}, err
		}
		host, text = strings.Trim(target, "[]"), strconv.Itoa(m.UDP.port)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	switch {
	case host == "":
		return hostPort{}, &addressError{fmt.Sprintf("target %q has no host", target), addressForm}
	case err != nil || port == 0:
		return hostPort{}, &addressError{fmt.Sprintf("target %q: there is no port %q", target, text),
			"ports go from 1 to 65535"}
	}
	return hostPort{host, uint16(port)}, nil
}

// checkForm returns an error for a target that is too long, or that is a URL or a part of one.
func checkForm(target string) error {
	if len(target) > maxAddr {
		return &addressError{fmt.Sprintf("the target has %d bytes, more than an address has", len(target)),
			addressForm}
	}
	if scheme, _, ok := strings.Cut(target, "://"); ok {
		return &addressError{fmt.Sprintf("target %q is a URL", target),
			fmt.Sprintf("write HOST:PORT without %q", scheme+"://")}
	}
	if _, path, ok := strings.Cut(target, "/"); ok {
		return &addressError{fmt.Sprintf("target %q has a path", target),
			fmt.Sprintf("write HOST:PORT without %q", "/"+path)}
	}
	return nil
}

// checkPortless returns an error if a target that is not of the form HOST:PORT is not a host either, or
// if the module's protocol has no usual port.
func (m *Module) checkPortless(target string) error {
	_, err := netip.ParseAddr(strings.Trim(target, "[]"))
	several := strings.Count(target, ":") > 1 && !strings.HasPrefix(target, "[")
	switch {
	case err == nil && m.UDP.port > 0:
		return nil
	case several:
		return &addressError{
			fmt.Sprintf("target %q: an IPv6 address before a port needs brackets", target),
			"write [ADDRESS]:PORT, as in [2001:db8::7]:3000",
		}
	case m.UDP.port == 0:
		return &addressError{fmt.Sprintf("target %q has no port", target), addressForm}
	}
	return nil
}
