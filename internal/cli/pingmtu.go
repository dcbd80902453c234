package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
)

// checkMTU checks the flags of ohce ping --mtu.
func (f *pingFlags) checkMTU() error {
	if !f.mtu {
		if f.closedPort != 0 {
			return usage("add --mtu", "--closed-port has no effect without --mtu")
		}
		return nil
	}
	for _, other := range []struct {
		name  string
		given bool
	}{
		{"probe", f.probe != ""}, {"send", f.send != ""}, {"expect", f.expect != ""},
		{"wait", f.wait}, {"live", f.live}, {"interval", f.intervalGiven}, {"source-ports", f.sourcePorts != 0},
		{"dont-fragment", f.dial.dontFragment}, {"server-metrics", f.metrics.url != ""},
	} {
		if other.given {
			return usage("leave --"+other.name+" or --mtu out", "--%s has no effect with --mtu",
				other.name)
		}
	}
	if f.closedPort < 0 || f.closedPort > 65535 {
		return usage("ports go from 1 to 65535", "--closed-port: there is no port %d", f.closedPort)
	}
	return nil
}

// pingMTU measures the path MTU and prints the result.
func (a *app) pingMTU(
	ctx context.Context, f *pingFlags, target, addr string, d *measure.Dialer,
) error {
	if d.Source.Port() != 0 {
		return usage("leave the port out",
			"--source %s: --mtu needs several sockets, and a port has room for one", f.dial.source)
	}
	payload := numberedPayload()
	shown := a.newStatus()
	p := &measure.PathProber{
		Addr: addr, Dialer: *d, ClosedPort: uint16(f.closedPort), Tries: f.count, Timeout: f.timeout,
		Request: func(dst []byte, n, size int) []byte { return appendPadded(dst, payload, n, size) },
		Match: func(request, response []byte) bool {
			return payload.check(request, response) == nil
		},
		Progress: func(size int) { shown.show(fmt.Sprintf("trying packets of %d bytes", size)) },
	}
	report, err := p.Run(ctx)
	shown.erase()
	if err != nil {
		return mtuFailure(ctx, target, err)
	}
	if f.json {
		_, err = a.out.Write(jsonMTU(target, report))
	} else {
		_, err = fmt.Fprint(a.out, mtuText(target, addr, report))
	}
	if err != nil {
		return outputFailure(err)
	}
	return nil
}

// appendPadded appends request n with size bytes.
func appendPadded(dst []byte, payload *pingPayload, n, size int) []byte {
	begin := len(dst)
	dst = append(payload.request(dst, n), ' ')
	return append(dst, strings.Repeat("x", max(begin+size-len(dst), 0))...)
}

// mtuFailure returns the failure of a measurement without a result.
func mtuFailure(ctx context.Context, target string, err error) error {
	switch {
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return &failure{what: "interrupted before the path MTU was known", code: exitFail}
	case errors.Is(err, measure.ErrNoResponse):
		return &failure{what: "no response from " + target, code: exitFail,
			hint: "a wrong address, a firewall, or a service that does not return the text of a request"}
	case errors.Is(err, measure.ErrOtherLength):
		return &failure{what: target + " does not return the text of a request", code: exitWrongAnswer,
			hint: "--mtu needs a server whose responses are as long as the requests, such as " +
				"ohce serve or an echo server"}
	case errors.Is(err, ohce.ErrPortUnreachable):
		return &failure{what: target + " refused the request: port unreachable", code: exitRefused,
			hint: "no server listens on this port; check the port, or start the server"}
	case errors.Is(err, errors.ErrUnsupported):
		return usage("run it on Linux", "%v", err)
	default:
		return &failure{what: rootCause(err).Error(), code: exitNotSent,
			hint: "check the address and the routes of this machine"}
	}
}

// mtuText formats a report.
func mtuText(target, addr string, r *measure.PathReport) string {
	head := "ping " + target
	if addr != target {
		head += fmt.Sprintf(" (%s)", addr)
	}
	row := func(name string, d *measure.PathDirection) []string {
		least := ""
		if !d.Exact {
			least = "at least "
		}
		return []string{name, fmt.Sprint(least, d.MTU), fmt.Sprint(least, r.Payload(d)), mtuLimit(d)}
	}
	table := textTable([][]string{
		{"DIRECTION", "PATH MTU", "LARGEST DATAGRAM", "LARGER PACKETS"},
		row("forward", &r.Forward), row("return", &r.Return),
	}, 200)
	return fmt.Sprintf("%s\n\n%s\n%s sent, %d lost of sizes that pass; a size is too large after %s\n",
		head, table, plural(r.Sent, "request"), r.Lost, plural(r.Tries, "lost request"))
}

// mtuLimit says why larger packets do not pass.
func mtuLimit(d *measure.PathDirection) string {
	switch {
	case d.Limit == measure.PathLimitNone:
		return "there are none"
	case d.Limit == measure.PathLimitInterface:
		return "exceed the MTU of this machine's interface"
	case d.Limit == measure.PathLimitICMP && d.Seen < d.MTU:
		return fmt.Sprintf("%v reports them by ICMP; responses return up to %d", d.Router, d.Seen)
	case d.Limit == measure.PathLimitICMP:
		return fmt.Sprintf("%v reports them by ICMP", d.Router)
	case d.Limit == measure.PathLimitFragmented:
		return "arrive in fragments"
	case d.Exact:
		return "are lost without an ICMP message (black hole)"
	default:
		return "unknown: requests or responses are lost"
	}
}

// A mtuJSON is the result of ohce ping --mtu --json.
type mtuJSON struct {
	Server  string           `json:"server"`
	Forward mtuDirectionJSON `json:"forward"`
	Return  mtuDirectionJSON `json:"return"`
	Sent    int              `json:"sent"`
	Lost    int              `json:"lost"`
	Tries   int              `json:"tries"`
}

// A mtuDirectionJSON is one direction.
type mtuDirectionJSON struct {
	MTU     int               `json:"mtu"`
	Payload int               `json:"payload"`
	Exact   bool              `json:"exact"`
	Seen    int               `json:"seen"`
	Limit   measure.PathLimit `json:"limit"`
	Router  *netip.Addr       `json:"router,omitempty"`
}

// jsonMTU returns the JSON object of a report, followed by a newline.
func jsonMTU(target string, r *measure.PathReport) []byte {
	direction := func(d *measure.PathDirection) mtuDirectionJSON {
		v := mtuDirectionJSON{d.MTU, r.Payload(d), d.Exact, d.Seen, d.Limit, nil}
		if d.Router.IsValid() {
			v.Router = &d.Router
		}
		return v
	}
	return marshal(mtuJSON{
		target, direction(&r.Forward), direction(&r.Return), r.Sent, r.Lost, r.Tries,
	})
}
