package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce"
)

// A ClientCollector exports the counters of a client:
//
//	ohce_client_exchanges_total          exchanges that have begun
//	ohce_client_results_total            exchanges that have ended, by result: answered, down, failed
//	ohce_client_attempts_total           datagrams that the kernel accepted
//	ohce_client_unsent_total             datagrams that the kernel refused
//	ohce_client_port_unreachable_total   ICMP port unreachable messages
//	ohce_client_ignored_total            datagrams that were not delivered, by reason
//	ohce_client_kernel_dropped_total     datagrams that the kernel dropped, see below
//	ohce_client_rtt_seconds              histogram of the round-trip times, with Trace only
//
// ohce_client_kernel_dropped_total counts the datagrams that the kernel dropped at the shared
// sockets of streams. It increases when a stream ends: the drops of a stream that runs, and those of
// Exchange, are not in it.
type ClientCollector struct {
	client *ohce.Client

	exchanges, results, attempts, unsent, unreachable, ignored, kernelDropped metric

	rtt prometheus.Histogram
}

// NewClientCollector returns a collector for c. constant has labels for all its metrics, to tell the
// clients of one process apart; it may be nil.
func NewClientCollector(c *ohce.Client, constant prometheus.Labels) *ClientCollector {
	counter := func(name, help string, labels ...string) metric {
		return newMetric("client_"+name, help, prometheus.CounterValue, constant, labels...)
	}
	return &ClientCollector{
		client:      c,
		exchanges:   counter("exchanges_total", "Exchanges that have begun."),
		results:     counter("results_total", "Exchanges that have ended.", "result"),
		attempts:    counter("attempts_total", "Datagrams that the kernel accepted."),
		unsent:      counter("unsent_total", "Datagrams that the kernel refused."),
		unreachable: counter("port_unreachable_total", "ICMP port unreachable messages."),
		ignored:     counter("ignored_total", "Datagrams that were not delivered.", "reason"),
		kernelDropped: counter("kernel_dropped_total",
			"Datagrams that the kernel dropped at the sockets of streams that have ended."),
		rtt: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:        prometheus.BuildFQName(namespace, "client", "rtt_seconds"),
			Help:        "Round-trip time of an attempt that was answered.",
			ConstLabels: constant, Buckets: classicSeconds(), NativeHistogramBucketFactor: 1.1,
			NativeHistogramMaxBucketNumber: 160,
		}),
	}
}

func classicSeconds() []float64 {
	bounds := make([]float64, len(classicBounds))
	for i, b := range classicBounds {
		bounds[i] = b.Seconds()
	}
	return bounds
}

// Trace returns a trace that measures round-trip times. Without it, ohce_client_rtt_seconds is
// empty. Set it before the first exchange, together with another trace if there is one:
//
//	client.Trace = ohce.JoinTraces(client.Trace, collector.Trace())
func (c *ClientCollector) Trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		ResponseAccepted: func(_ ohce.TraceAttempt, r *ohce.Response) { c.rtt.Observe(r.RTT.Seconds()) },
	}
}

// Describe implements prometheus.Collector.
func (c *ClientCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range []metric{
		c.exchanges, c.results, c.attempts, c.unsent, c.unreachable, c.ignored, c.kernelDropped,
	} {
		ch <- m.desc
	}
	c.rtt.Describe(ch)
}

// Collect implements prometheus.Collector.
func (c *ClientCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.client.Stats()
	c.exchanges.send(ch, s.Exchanges)
	c.results.send(ch, s.Answered, "answered")
	c.results.send(ch, s.Down, "down")
	c.results.send(ch, s.Failed, "failed")
	c.attempts.send(ch, s.Attempts)
	c.unsent.send(ch, s.Unsent)
	c.unreachable.send(ch, s.PortUnreachable)
	c.ignored.send(ch, s.Unexpected, ohce.IgnoreUnexpected.String())
	c.ignored.send(ch, s.Oversize, ohce.IgnoreOversize.String())
	c.ignored.send(ch, s.Late, ohce.IgnoreLate.String())
	c.ignored.send(ch, s.Duplicate, ohce.IgnoreDuplicate.String())
	c.ignored.send(ch, s.Overflow, ohce.IgnoreOverflow.String())
	c.kernelDropped.send(ch, s.KernelDropped)
	c.rtt.Collect(ch)
}
