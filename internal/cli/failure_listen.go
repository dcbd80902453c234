package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"

	"github.com/ohce/ohce"
)

// listenFailure returns the failure to listen on addr.
func listenFailure(addr string, err error) error {
	f := &failure{code: exitFail, flag: "listen"}
	switch {
	case errors.Is(err, ohce.ErrAddrInUse):
		f.what = fmt.Sprintf("cannot listen on %s: the port is in use", addr)
		f.hint = "another program uses it; choose another port, or port 0 for a free one"
	case isDescriptorLimit(err):
		f.what = fmt.Sprintf("cannot listen on %s: %v", addr, rootCause(err))
		f.hint = descriptorHint
	case errors.Is(err, fs.ErrPermission):
		f.what = fmt.Sprintf("cannot listen on %s: permission denied", addr)
		f.hint = "a port below 1024 needs a privilege; choose a higher one"
	case isNameError(err):
		f.what = fmt.Sprintf("cannot listen on %s: %s", addr, nameError(err))
		f.hint = "check the name, or give an IP address"
	case lacksZone(addr):
		f.what = fmt.Sprintf("cannot listen on %s: a link-local address needs an interface", addr)
		f.hint = "add the interface, as in [fe80::1%eth0]:3000"
	default:
		f.what = fmt.Sprintf("cannot listen on %s: %v", addr, rootCause(err))
		f.hint = "use an address of this machine; 0.0.0.0 and [::] stand for all of them"
	}
	return f
}

// lacksZone reports whether addr has a link-local IPv6 address without an interface.
func lacksZone(addr string) bool {
	ap, err := netip.ParseAddrPort(addr)
	return err == nil && ap.Addr().Is6() && ap.Addr().IsLinkLocalUnicast() && ap.Addr().Zone() == ""
}

func isNameError(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}

func nameError(err error) string {
	var dns *net.DNSError
	errors.As(err, &dns)
	return fmt.Sprintf("the name %s does not resolve (%s)", dns.Name, dns.Err)
}

// rootCause returns err without the layers that repeat the operation and the address.
func rootCause(err error) error {
	var op *ohce.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var netOp *net.OpError
	if errors.As(err, &netOp) {
		err = netOp.Err
	}
	return err
}
