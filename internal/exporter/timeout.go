package exporter

import (
	"fmt"
	"strconv"
	"time"
)

// timeoutHeader is the header in which Prometheus sends the time limit of a scrape in seconds.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// probeTimeout returns how long a probe may take: offset less than the time limit in the header, which
// can be empty, and at most the timeout of the module. If the limit is not longer than the offset, the
// probe may take half of the limit, so that Prometheus still gets its metrics.
func probeTimeout(header string, module, offset time.Duration) (time.Duration, error) {
	if header == "" {
		return module, nil
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds >= 0) {
		return 0, fmt.Errorf("%s is %q, want seconds", timeoutHeader, header)
	}
	if seconds == 0 || seconds >= maxTimeout.Seconds() {
		seconds = maxTimeout.Seconds()
	}
	limit := time.Duration(seconds * float64(time.Second))
	if limit > offset {
		limit -= offset
	} else {
		limit /= 2
	}
	return min(limit, module), nil
}
