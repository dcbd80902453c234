package exporter

import (
	"hash/fnv"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce/measure"
)

// rttBuckets are the upper limits of the histograms of round-trip times, in seconds.
var rttBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// The metrics of a probe. Those without udp in their names are those of the blackbox exporter.
var (
	successDesc  = probeDesc("success", "Whether at least one request had the right response in time.")
	durationDesc = probeDesc("duration_seconds",
		"Time from the beginning of the probe to the end of its last request.")
	lookupDesc     = probeDesc("dns_lookup_time_seconds", "Time that the lookup of the name took.")
	protocolDesc   = probeDesc("ip_protocol", "Version of IP: 4 or 6.")
	addrHashDesc   = probeDesc("ip_addr_hash", "Hash of the address, which shows a change of the address.")
	failRegexDesc  = probeDesc("failed_due_to_regex", "Whether a response did not match expect.")
	failBytesDesc  = probeDesc("failed_due_to_bytes", "Whether a response did not begin with expect_bytes.")
	requestsDesc   = probeDesc("udp_requests", "Number of requests of the probe, by result.", "result")
	lossDesc       = probeDesc("udp_loss_ratio", "Share of the requests without a right response in time.")
	rttDesc        = probeDesc("udp_rtt_seconds", "Round-trip times of the requests of the probe.")
	ignoredDesc    = probeDesc("udp_ignored_datagrams", "Number of datagrams that are no responses, by reason.", "reason")
	expectInfoHelp = "Parts of the response, as labels."
)

func probeDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("probe_"+name, help, labels, nil)
}

// Describe sends nothing: the metrics depend on the module.
func (r *Result) Describe(chan<- *prometheus.Desc) {}

// Collect sends the metrics of the probe.
func (r *Result) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(successDesc, number(r.Success))
	gauge(durationDesc, r.Duration.Seconds())
	gauge(lookupDesc, r.Lookup.Seconds())
	gauge(protocolDesc, r.protocol())
	gauge(addrHashDesc, r.addrHash())
	if r.Module.UDP.regex {
		gauge(failRegexDesc, number(r.failedRegex && !r.Success))
	}
	if r.Module.UDP.bytes {
		gauge(failBytesDesc, number(r.failedBytes && !r.Success))
	}
	gauge(lossDesc, r.lossRatio())
	for class, n := range r.requests {
		gauge(requestsDesc, float64(n), measure.Class(class).String())
	}
	for _, why := range ignoredReasons {
		gauge(ignoredDesc, float64(r.ignored[why]), string(why))
	}
	ch <- r.histogram()
	if len(r.labels) > 0 {
		names := slices.Sorted(maps.Keys(r.labels))
		var values []string
		for _, name := range names {
			values = append(values, r.labels[name])
		}
		gauge(probeDesc("expect_info", expectInfoHelp, names...), 1, values...)
	}
}

// histogram returns the histogram of the round-trip times.
func (r *Result) histogram() prometheus.Metric {
	sum, buckets := 0.0, make(map[float64]uint64, len(rttBuckets))
	for _, limit := range rttBuckets {
		buckets[limit] = 0
	}
	for _, rtt := range r.rtts {
		sum += rtt.Seconds()
		for _, limit := range rttBuckets {
			if rtt.Seconds() <= limit {
				buckets[limit]++
			}
		}
	}
	return prometheus.MustNewConstHistogram(rttDesc, uint64(len(r.rtts)), sum, buckets)
}

// protocol returns the version of IP, or 0 if it is not known.
func (r *Result) protocol() float64 {
	switch {
	case !r.Addr.IsValid():
		return 0
	case r.Addr.Is4():
		return 4
	default:
		return 6
	}
}

// addrHash returns the FNV-1a hash of the address, or 0 if it is not known.
func (r *Result) addrHash() float64 {
	if !r.Addr.IsValid() {
		return 0
	}
	h := fnv.New32a()
	h.Write(r.Addr.AsSlice())
	return float64(h.Sum32())
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
