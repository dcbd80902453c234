package cli

import "strings"

// check checks the values of the flags.
func (f *loadFlags) check() error {
	switch {
	case !(f.rate > 0):
		return usage("give a rate such as 1000", "--rate %v is not positive", f.rate)
	case f.rate > maxRate:
		return usage("give a rate such as 1000", "--rate %v exceeds %v", f.rate, float64(maxRate))
	case f.duration <= 0:
		return usage("give a time such as 10s", "--duration %v is not positive", f.duration)
	case f.count < 0:
		return usage("give a number of requests, or 0 for no limit", "--count %d is negative", f.count)
	case f.closed < 0 || f.closed == 0 && f.given("closed"):
		return usage("give a number of requests", "--closed %d is not positive", f.closed)
	case f.clients <= 0:
		return usage("give a number of ports", "--clients %d is not positive", f.clients)
	case f.timeout <= 0:
		return usage("give a time such as 1s", "--timeout %v is not positive", f.timeout)
	case f.buffer < 0:
		return usage("give a number of bytes, or 0 for the default", "--receive-buffer %d is negative", f.buffer)
	case f.maxP99 < 0:
		return usage("give a time such as 10ms, or 0 for no limit", "--max-p99 %v is negative", f.maxP99)
	default:
		return f.checkKind()
	}
}

// checkKind checks that the flags that determine the times of the requests fit together.
func (f *loadFlags) checkKind() error {
	var kinds []string
	for _, name := range []string{"steps", "ramp", "closed", "poisson", "find-max"} {
		if f.given(name) {
			kinds = append(kinds, "--"+name)
		}
	}
	if len(kinds) > 1 {
		return usage("give one of them", "%s cannot be used together", strings.Join(kinds, " and "))
	}
	if f.given("rate") && (f.steps != "" || f.ramp != "" || f.closed > 0) {
		return usage("leave --rate out", "--rate has no effect with %s", kinds[0])
	}
	if f.given("duration") && f.steps != "" {
		return usage("leave --duration out; --steps has a time for each rate",
			"--duration has no effect with --steps")
	}
	return f.checkEffects()
}

// checkEffects checks that each flag that is set has an effect.
func (f *loadFlags) checkEffects() error {
	for _, c := range []struct {
		flag, other string
		with        bool // flag has no effect with other; otherwise, it has none without it
	}{
		{"count", "find-max", true}, {"report", "find-max", true},
		{"server-metrics", "find-max", true}, {"max-loss", "find-max", false},
		{"max-p99", "find-max", false}, {"seed", "poisson", false}, {"size", "sizes", true},
		{"size", "lines", true}, {"size", "probe", true}, {"size", "send", true},
	} {
		if !f.given(c.flag) || f.given(c.other) != c.with {
			continue
		}
		if c.with {
			return usage("leave --"+c.flag+" out", "--%s has no effect with --%s", c.flag, c.other)
		}
		return usage("add --"+c.other+", or leave --"+c.flag+" out", "--%s has no effect without --%s",
			c.flag, c.other)
	}
	return nil
}

// checkPorts checks that the flags for sockets fit the requests. fixed reports that --source has a
// port.
func (f *loadFlags) checkPorts(p *loadPayload, fixed bool) error {
	if p.texts || p.match != nil {
		if fixed && f.clients > 1 {
			return usage("leave the port out, or --clients", "--source %s: %d clients need a port each",
				f.dial.source, f.clients)
		}
		return nil
	}
	const why = "the requests are equal, so each of them leaves from a port of its own"
	if fixed {
		return usage("leave the port out", "--source %s: %s", f.dial.source, why)
	}
	for _, flag := range []string{"clients", "segments", "receive-buffer"} {
		if f.given(flag) {
			return usage("leave --"+flag+" out", "--%s has no effect: %s", flag, why)
		}
	}
	return nil
}
