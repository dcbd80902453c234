package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce/measure"
)

// The defaults of ohce ping --source-ports.
const (
	pingPortsCount    = 3
	pingPortsInterval = 10 * time.Millisecond
)

// checkPorts checks the flags that determine the source ports.
func (f *pingFlags) checkPorts() error {
	base := f.firstPort(nil)
	if d, err := f.dial.dialer(); err == nil {
		base = f.firstPort(&d)
	}
	switch {
	case f.sourcePorts < 0:
		return usage("give a number of source ports", "--source-ports %d is negative", f.sourcePorts)
	case int(base)+f.sourcePorts-1 > 65535:
		return usage("give a lower first port, as in --source :20000, or fewer ports",
			"--source-ports %d: the last port after %d is 65535", f.sourcePorts, base)
	case f.sourcePorts > 0 && f.wait:
		return usage("leave --wait or --source-ports out", "--wait has no effect with --source-ports")
	case f.sourcePorts > 0 && f.live:
		return usage("leave --live or --source-ports out", "--live has no effect with --source-ports")
	case f.sourcePorts > 0 && f.metrics.url != "":
		return usage("leave --server-metrics or --source-ports out",
			"--server-metrics has no effect with --source-ports")
	case f.sourcePorts > 0 && f.intervalGiven && f.interval == 0:
		return usage("give a time such as 5ms", "--source-ports needs an --interval above 0")
	default:
		return nil
	}
}

// firstPort returns the first source port.
func (f *pingFlags) firstPort(d *measure.Dialer) uint16 {
	if d != nil && d.Source.Port() != 0 {
		return d.Source.Port()
	}
	return measure.FirstPort
}

// A portsPinger sends the requests of ohce ping --source-ports and reports the results.
type portsPinger struct {
	flags   *pingFlags
	payload *pingPayload
	target  string
	addr    string
	out     *flushWriter
	prober  *measure.PortProber
	sum     measure.PortSummary
	shown   *progress
}

// newPortsPinger returns a pinger for the source ports. It uses the defaults for --count and --interval
// if they are not given.
func (a *app) newPortsPinger(f *pingFlags, payload *pingPayload, target, addr string,
	d *measure.Dialer) *portsPinger {
	if f.count == 0 {
		f.count = pingPortsCount
	}
	if !f.intervalGiven {
		f.interval = pingPortsInterval
	}
	return &portsPinger{
		flags: f, payload: payload, target: target, addr: addr, out: newFlushWriter(a.out),
		prober: &measure.PortProber{
			Addr: addr, First: f.firstPort(d), Ports: f.sourcePorts, Count: f.count,
			Interval: f.interval, Timeout: f.timeout, Match: payload.match, Request: payload.request,
			Check: payload.check,
			Dial: func(ctx context.Context, port uint16, address string) (net.Conn, error) {
				return d.DialPort(ctx, port, address)
			},
		},
		shown: a.newProgress(),
	}
}

// run sends the requests and prints the results. It returns the failure that decides the exit code.
func (p *portsPinger) run(ctx context.Context) error {
	defer p.shown.stop()
	for sample, err := range p.prober.Run(ctx) {
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
				break // Ctrl-C or the deadline
			}
			return errors.Join(&failure{what: rootCause(err).Error(), code: exitFail}, p.out.close())
		}
		answered := sample.Class == measure.Answered
		backend := ""
		if answered {
			backend = p.backend(sample.Response)
		}
		p.sum.Add(sample, backend)
		p.shown.count(answered)
	}
	p.shown.stop()
	report := newPortsReport(p.sum.Results(), p.prober.Counts())
	write := p.writeText
	if p.flags.json {
		write = p.writeJSON
	}
	if err := errors.Join(write(report), p.out.close()); err != nil {
		return outputFailure(err)
	}
	return p.failure(ctx, report)
}

// backend returns the name of the server that sent a response: the field "name" of a JSON object, or
// otherwise the response itself if all requests are equal. It returns "" if there is no name.
func (p *portsPinger) backend(response []byte) string {
	var object struct{ Name string }
	if json.Unmarshal(response, &object) == nil && object.Name != "" {
		return object.Name
	}
	if p.payload.match != nil {
		return ""
	}
	const maxRunes = 60
	if utf8.Valid(response) && utf8.RuneCount(response) <= maxRunes {
		return string(response)
	}
	return shorten(response)
}

// failure returns the failure of a run in which a port failed, or nil.
func (p *portsPinger) failure(ctx context.Context, r *portsReport) error {
	tried := len(r.ports) - r.inUse
	f := &failure{code: exitFail, hint: "routers and balancers can choose the path or the backend " +
		"by the source port: compare the failing ports with theirs"}
	switch {
	case len(r.ports) == 0:
		return noResult(ctx)
	case tried == 0:
		return &failure{what: "all source ports are in use on this machine", code: exitFail,
			hint: "give another first port, as in --source :20000"}
	case r.failed == 0:
		return nil
	case r.failed == tried && r.answered == 0:
		f.what = fmt.Sprintf("no right response from %s to any of %s", p.target,
			plural(tried, "source port"))
		f.hint = "run ohce ping without --source-ports to find out why"
	default:
		f.what = fmt.Sprintf("%d of %s failed", r.failed, plural(tried, "source port"))
	}
	return f
}
