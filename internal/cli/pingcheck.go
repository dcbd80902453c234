package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce/measure"
)

// defaultCheckCount is the number of requests with --warn or --crit, without --count and --deadline.
const defaultCheckCount = 5

// A pluginStatus is the result of ohce ping with --warn or --crit, and its exit code. The values are
// those of the Monitoring Plugins Development Guidelines, "Plugin Return Codes":
// https://www.monitoring-plugins.org/doc/guidelines.html
type pluginStatus int

const (
	pluginOK pluginStatus = iota
	pluginWarning
	pluginCritical
	pluginUnknown
)

// String returns the word that begins the output.
func (s pluginStatus) String() string {
	return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s]
}

// Error makes a status other than OK the result of a command.
func (s pluginStatus) Error() string { return s.String() }

// checkFlags are the flags of ohce ping for monitoring systems.
type checkFlags struct{ warn, crit string }

func (f *checkFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.warn, "warn", "",
		"report WARNING above `LIMITS`: a median round-trip time, a loss, or both")
	flags.StringVar(&f.crit, "crit", "", "report CRITICAL above `LIMITS`")
}

// on reports whether one of the flags is set.
func (f *checkFlags) on() bool { return f.warn != "" || f.crit != "" }

// A pingCheck compares a measurement with the limits of --warn and --crit.
type pingCheck struct{ warn, crit pingLimits }

// pingLimits are limits of the median round-trip time and of the loss in percent. As in the section
// "Threshold and Ranges" of the guidelines, a value equal to its limit does not exceed it. A negative
// limit has no effect.
type pingLimits struct {
	rtt  time.Duration
	loss float64
}

// newPingCheck returns the check for the flags, or nil if neither is set. It sets the default of
// --count.
func newPingCheck(f *pingFlags) (*pingCheck, error) {
	if !f.limits.on() {
		return nil, nil
	}
	for _, other := range []struct {
		name string
		set  bool
	}{
		{"json", f.json}, {"live", f.live}, {"wait", f.wait}, {"source-ports", f.sourcePorts != 0},
		{"mtu", f.mtu}, {"server-metrics", f.metrics.url != ""},
	} {
		if other.set {
			return nil, usage("leave out --"+other.name+", or --warn and --crit",
				"--%s has no effect with --warn or --crit", other.name)
		}
	}
	warn, err := parseLimits("warn", f.limits.warn)
	if err != nil {
		return nil, err
	}
	crit, err := parseLimits("crit", f.limits.crit)
	if err != nil {
		return nil, err
	}
	if crit.rtt >= 0 && warn.rtt > crit.rtt || crit.loss >= 0 && warn.loss > crit.loss {
		return nil, usage("give --warn the lower limits", "--warn %q is above --crit %q", f.limits.warn,
			f.limits.crit)
	}
	if f.count == 0 && f.deadline == 0 {
		f.count = defaultCheckCount
	}
	return &pingCheck{warn: warn, crit: crit}, nil
}

// parseLimits parses the value of --warn or --crit.
func parseLimits(flag, value string) (pingLimits, error) {
	limits := pingLimits{rtt: -1, loss: -1}
	if value == "" {
		return limits, nil
	}
	fail := func(format string, args ...any) (pingLimits, error) {
		return pingLimits{}, usage("write a time, a percentage or both, as in 100ms,20%",
			"--%s %q: %s", flag, value, fmt.Sprintf(format, args...))
	}
	for _, part := range strings.Split(value, ",") {
		if number, ok := strings.CutSuffix(part, "%"); ok {
			loss, err := strconv.ParseFloat(number, 64)
			if err != nil || !(loss >= 0 && loss <= 100) {
				return fail("%q is not a percentage from 0%% to 100%%", part)
			}
			if limits.loss >= 0 {
				return fail("it has two percentages")
			}
			limits.loss = loss
			continue
		}
		rtt, err := time.ParseDuration(part)
		if err != nil || rtt < 0 {
			return fail("%q is not a time with a unit", part)
		}
		if limits.rtt >= 0 {
			return fail("it has two times")
		}
		limits.rtt = rtt
	}
	return limits, nil
}

// exceeded reports which limits a measurement exceeds.
func (l pingLimits) exceeded(sum *measure.Summary) (rtt, loss bool) {
	return l.rtt >= 0 && sum.RTT().Median > l.rtt, l.loss >= 0 && sum.LossPercent() > l.loss
}

// status returns the status of a measurement. It is unknown if this machine sent no request, and
// critical if no request had a right response.
func (c *pingCheck) status(sum *measure.Summary) pluginStatus {
	exceeds := func(l pingLimits) bool {
		rtt, loss := l.exceeded(sum)
		return rtt || loss
	}
	switch {
	case sum.Sent() == 0:
		return pluginUnknown
	case sum.Answered == 0 || exceeds(c.crit):
		return pluginCritical
	case exceeds(c.warn):
		return pluginWarning
	default:
		return pluginOK
	}
}
