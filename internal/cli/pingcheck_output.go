package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

// line returns the line of output: the status, its reason, and the performance data in the format of
// the Monitoring Plugins Development Guidelines, "Performance data". target is the address as the
// user gave it.
func (c *pingCheck) line(target string, sum *measure.Summary) string {
	status, text := c.status(sum), ""
	switch {
	case sum.Sent() == 0 && sum.Own.Refused > 0:
		text = "this machine did not send the requests"
	case sum.Sent() == 0:
		text = "interrupted before the first result"
	case sum.Answered == 0:
		text = fmt.Sprintf("no right response to %s%s", plural(sum.Sent(), "request"), classCounts(sum))
	default:
		text = c.values(sum)
	}
	return pluginLine(status, target+": "+text) + "|" + c.performance(sum)
}

// values describes a measurement with at least one right response, and the limits that it exceeds.
func (c *pingCheck) values(sum *measure.Summary) string {
	rtt, loss := inMillis(sum.RTT().Median), fmt.Sprintf("%.1f %%", sum.LossPercent())
	for _, l := range []pingLimits{c.crit, c.warn} {
		if over, _ := l.exceeded(sum); over {
			rtt += " (above " + millisOf(l.rtt) + " ms)"
			break
		}
	}
	for _, l := range []pingLimits{c.crit, c.warn} {
		if _, over := l.exceeded(sum); over {
			loss += " (above " + number(l.loss) + " %)"
			break
		}
	}
	return fmt.Sprintf("median round trip %s, loss %s, %d of %d answered%s", rtt, loss, sum.Answered,
		sum.Sent(), classCounts(sum))
}

// classCounts lists the requests without a right response by their class, in parentheses.
func classCounts(sum *measure.Summary) string {
	var all []string
	for _, c := range []struct {
		n    int
		name string
	}{
		{sum.Lost, "lost"}, {sum.Late, "late"}, {sum.Wrong, "wrong"}, {sum.Refused, "refused"},
		{sum.Unreachable, "unreachable"}, {sum.Own.Refused, "not sent"},
	} {
		if c.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// performance returns the performance data. Without a response, times have the value U, which means
// that it cannot be determined.
func (c *pingCheck) performance(sum *measure.Summary) string {
	rtt := sum.RTT()
	value := func(label string, d time.Duration, warn, crit string) string {
		if rtt.Count == 0 {
			return fmt.Sprintf("%s=U;%s;%s;0", label, warn, crit)
		}
		return fmt.Sprintf("%s=%sms;%s;%s;0", label, millisOf(d), warn, crit)
	}
	loss := "U"
	if sum.Sent() > 0 {
		loss = number(sum.LossPercent()) + "%"
	}
	return strings.Join([]string{
		value("rtt", rtt.Median, millisOf(c.warn.rtt), millisOf(c.crit.rtt)),
		value("rtt_p99", rtt.P99, "", ""),
		value("rtt_max", rtt.Max, "", ""),
		fmt.Sprintf("loss=%s;%s;%s;0;100", loss, number(c.warn.loss), number(c.crit.loss)),
	}, " ")
}

// millisOf formats a duration in milliseconds, without the unit. It is empty if d is negative.
func millisOf(d time.Duration) string {
	if d < 0 {
		return ""
	}
	return number(float64(d) / float64(time.Millisecond))
}

// number formats a number with at most three decimals. It is empty if x is negative.
func number(x float64) string {
	if x < 0 {
		return ""
	}
	return strconv.FormatFloat(math.Round(x*1000)/1000, 'f', -1, 64)
}

// pluginLine returns the first part of a line of output. A vertical bar would begin the performance
// data.
func pluginLine(status pluginStatus, text string) string {
	return fmt.Sprintf("OHCE %s - %s", status, strings.ReplaceAll(safetext.Escape(text), "|", "/"))
}

// A criticalError is an error of the network or the service, rather than of the command line or this
// machine. With --warn or --crit, it is CRITICAL and any other error UNKNOWN.
type criticalError struct{ error }

func (e criticalError) Unwrap() error { return e.error }

// pluginFailure prints the line for an error of ohce ping with --warn or --crit, and returns the
// error with the exit code of its status. It returns any other error unchanged.
func (a *app) pluginFailure(root *cobra.Command, args []string, err error) error {
	var status pluginStatus
	var f *failure
	if errors.As(err, &status) || !a.isCheck(root, args) {
		return err
	}
	status = pluginUnknown
	if errors.As(err, new(criticalError)) {
		status = pluginCritical
	}
	if !errors.As(err, &f) {
		f = &failure{what: firstLine(err.Error()), hint: seeHelp(root)}
	}
	io.WriteString(a.out, pluginLine(status, a.nameVariable(f))+"\n") // the exit code reports the error, too
	changed := *f
	changed.code = int(status)
	return &changed
}

// isCheck reports whether a command line is one of ohce ping with --warn or --crit, even if the
// other flags are wrong and were not parsed.
func (a *app) isCheck(root *cobra.Command, args []string) bool {
	cmd, _, err := root.Find(args)
	if err != nil || cmd.CommandPath() != root.Name()+" ping" {
		return false
	}
	for _, flag := range []string{"warn", "crit"} {
		long, _ := a.lookupEnv(longVariable(cmd, flag))
		short, _ := a.lookupEnv(shortVariable(flag))
		if long != "" || short != "" || slices.ContainsFunc(args, func(arg string) bool {
			return arg == "--"+flag || strings.HasPrefix(arg, "--"+flag+"=")
		}) {
			return true
		}
	}
	return false
}
