package cli

import (
	"strings"
	"time"

	"github.com/ohce/ohce"
)

// defaultRetry is the default of --retry.
const defaultRetry = "linear"

// parseRetry parses a schedule: linear, adaptive with an optional budget, or a list of waits. The name
// seed is an alias of linear.
func parseRetry(value string) (ohce.Retry, error) {
	switch name, budget, given := strings.Cut(value, ","); {
	case value == "linear" || value == "seed":
		return ohce.LinearRetry(), nil
	case value == "adaptive":
		return ohce.AdaptiveRetry(0), nil
	case name == "adaptive" && given:
		d, err := time.ParseDuration(strings.TrimSpace(budget))
		if err != nil || d <= 0 {
			return ohce.Retry{}, usage("write adaptive, or adaptive with a total time, as in adaptive,3s",
				"--retry %q: %q is not a time", value, budget)
		}
		return ohce.AdaptiveRetry(d), nil
	}
	var waits []time.Duration
	for part := range strings.SplitSeq(value, ",") {
		wait, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil || wait <= 0 {
			return ohce.Retry{}, usage(
				"write linear, adaptive, adaptive,3s, or times with units, as in 100ms,200ms,1s",
				"--retry %q: %q is not a time", value, part)
		}
		waits = append(waits, wait)
	}
	return ohce.RetryAfter(waits...), nil
}
