package cli

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
)

// route looks up target, and returns the dialer for the requests and the address that all of them go
// to.
func (f *pingFlags) route(
	ctx context.Context, payload *pingPayload, target string,
) (d *measure.Dialer, addr string, err error) {
	if d, err = f.dialer(payload); err != nil {
		return nil, "", err
	}
	addrs, err := pingAddresses(ctx, target, f.wait)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		err = criticalError{err}
	}
	if err != nil {
		return nil, "", err
	}
	if addr, err = f.dial.selectAddr(d, target, addrs); err != nil {
		return nil, "", err
	}
	if f.interval == 0 && !f.flood && !isNear(addr) {
		return nil, "", usage("give an interval, or add --flood if you may load this server",
			"--interval 0 sends to %s as fast as it answers", target)
	}
	tested := *d
	if f.sourcePorts > 0 { // the ports are tested one by one
		tested.Source = netip.AddrPortFrom(d.Source.Addr(), 0)
	}
	return d, addr, f.dial.check(ctx, &tested, addr)
}

// dialer returns the dialer for the requests.
func (f *pingFlags) dialer(payload *pingPayload) (*measure.Dialer, error) {
	d, err := f.dial.dialer()
	if err == nil && d.Source.Port() != 0 && payload.match == nil && f.count != 1 && f.sourcePorts == 0 {
		err = usage("leave the port out, or add --source-ports 1",
			"--source %s: the requests are equal, so each of them needs a port of its own", f.dial.source)
	}
	return &d, err
}

// lookupPause is the time between two lookups of a name that does not exist yet.
const lookupPause = 200 * time.Millisecond

// pingAddresses returns the addresses of a server. If wait is true, it looks the name up until there are
// some or ctx is done.
func pingAddresses(ctx context.Context, target string, wait bool) ([]string, error) {
	for {
		found, err := ohce.LookupServers(ctx, nil, "", target)
		if err == nil {
			return found, nil
		}
		if wait && ctx.Err() == nil && errors.As(err, new(*net.DNSError)) {
			select {
			case <-time.After(lookupPause):
				continue
			case <-ctx.Done():
			}
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, &failure{what: "cannot look up " + target + " within --deadline", code: exitFail}
		}
		return nil, lookupFailure(target, err)
	}
}
