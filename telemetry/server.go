package telemetry

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce"
)

// A serverCollector exports the counters of the shards of a server.
type serverCollector struct {
	srv *ohce.Server

	requests, responses, dropped, kernelDropped, inFlight metric
	requestBytes, responseBytes, readErrors, writeErrors  metric

	reads, handler *prometheus.Desc
}

// NewServerCollector returns a collector with the counters of each shard of srv. constant has labels
// for all its metrics, to tell the servers of one process apart; it may be nil. Before the server
// listens, there are no metrics.
//
// Each metric has the label "shard", a number from 0:
//
//	ohce_requests_total              datagrams that the kernel delivered
//	ohce_responses_total             responses that the kernel accepted
//	ohce_dropped_total               datagrams without a response, by reason
//	ohce_kernel_dropped_total        packets that the kernel dropped before they were read
//	ohce_requests_in_flight          datagrams neither answered nor dropped yet
//	ohce_request_bytes_total         bytes in the requests
//	ohce_response_bytes_total        bytes in the responses
//	ohce_read_errors_total           read errors after which the server continued
//	ohce_write_errors_total          datagrams that the system refused to send, by error
//	ohce_read_datagrams              histogram of the datagrams that one read returned
//	ohce_handler_duration_seconds    histogram of the duration of a call of the handler
//
// ohce_kernel_dropped_total belongs to the socket. If the server has adopted the socket of another
// process, it includes the drops before. Linux counts a packet that holds several datagrams as one.
//
// ohce_read_datagrams has no bucket above 4,096 datagrams. Larger reads count in the bucket +Inf.
//
// ohce_handler_duration_seconds is both a classic and a native histogram. It has at most one call
// for each read of the socket: see ohce.ShardStats.
func NewServerCollector(srv *ohce.Server, constant prometheus.Labels) prometheus.Collector {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	add := func(name, help string, kind prometheus.ValueType, labels ...string) metric {
		return newMetric(name, help, kind, constant, append([]string{"shard"}, labels...)...)
	}
	return &serverCollector{
		srv:       srv,
		requests:  add("requests_total", "Datagrams that the kernel delivered.", counter),
		responses: add("responses_total", "Responses that the kernel accepted.", counter),
		dropped:   add("dropped_total", "Datagrams that got no response.", counter, "reason"),
		kernelDropped: add("kernel_dropped_total",
			"Packets that the kernel dropped at the socket before the server read them.", counter),
		inFlight:      add("requests_in_flight", "Datagrams neither answered nor dropped yet.", gauge),
		requestBytes:  add("request_bytes_total", "Bytes in the requests.", counter),
		responseBytes: add("response_bytes_total", "Bytes in the responses.", counter),
		readErrors:    add("read_errors_total", "Read errors after which the server continued.", counter),
		writeErrors: add("write_errors_total", "Datagrams that the system refused to send.", counter,
			"error"),
		reads: add("read_datagrams", "Datagrams that one read of the socket returned.", 0).desc,
		handler: add("handler_duration_seconds",
			"Duration of a call of the handler, measured for one request of each read.", 0).desc,
	}
}

func (c *serverCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range []metric{
		c.requests, c.responses, c.dropped, c.kernelDropped, c.inFlight, c.requestBytes,
		c.responseBytes, c.readErrors, c.writeErrors,
	} {
		ch <- m.desc
	}
	ch <- c.reads
	ch <- c.handler
}

func (c *serverCollector) Collect(ch chan<- prometheus.Metric) {
	for i, s := range c.srv.ShardStats() {
		shard := strconv.Itoa(i)
		c.requests.send(ch, s.Stats.Received, shard)
		c.responses.send(ch, s.Stats.Answered, shard)
		for reason, n := range s.Stats.Dropped.All() {
			c.dropped.send(ch, n, shard, strings.ReplaceAll(reason.String(), "-", "_")) // as in JSON
		}
		c.kernelDropped.send(ch, s.Stats.KernelDropped, shard)
		c.inFlight.send(ch, s.Stats.InFlight, shard)
		c.requestBytes.send(ch, s.RequestBytes, shard)
		c.responseBytes.send(ch, s.ResponseBytes, shard)
		c.readErrors.send(ch, s.Stats.ReadErrors, shard)
		for name, n := range s.Stats.WriteErrors {
			c.writeErrors.send(ch, n, shard, name)
		}
		ch <- readHistogram(c.reads, &s.ReadSizes, s.Stats.Received, shard)
		ch <- durationHistogram(c.handler, &s.HandlerTimes, shard)
	}
}

// readHistogram returns the histogram of the datagrams of a read. datagrams is their sum.
//
// The last element of sizes counts all larger reads, so it has no bucket but +Inf.
func readHistogram(
	desc *prometheus.Desc, sizes *ohce.ReadSizes, datagrams uint64, shard string,
) prometheus.Metric {
	last := len(sizes) - 1
	buckets := make(map[float64]uint64, last)
	var count uint64
	for i, n := range sizes[:last] {
		count += n
		buckets[float64(uint64(1)<<i)] = count
	}
	count += sizes[last]
	return prometheus.MustNewConstHistogram(desc, count, float64(datagrams), buckets, shard)
}
