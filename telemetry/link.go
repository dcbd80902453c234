package telemetry

import (
	"iter"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce/link/relay"
)

// A linkCollector exports the counters of links.
type linkCollector struct {
	links iter.Seq2[string, relay.Stats]

	received, sent, dropped, changed, kernelDropped, delayed metric
	mappings, opened, closed, unreachable, readErrors        metric
}

// NewLinkCollector returns a collector with the counters of links. links yields the name and the
// counters of each link at every scrape; names must be distinct. constant has labels for all metrics
// of the collector; it may be nil. For one relay r:
//
//	telemetry.NewLinkCollector(func(yield func(string, relay.Stats) bool) {
//		yield("lossy", r.Stats())
//	}, nil)
//
// The metrics have the label "link", the name. Those of datagrams also have "direction": up for
// requests, down for responses:
//
//	ohce_link_received_total            datagrams that the link read
//	ohce_link_sent_total                datagrams that the link sent, copies included
//	ohce_link_dropped_total             datagrams that the link did not send, by reason
//	ohce_link_changed_total             datagrams that the link delivered, by change
//	ohce_link_kernel_dropped_total      datagrams that the kernel dropped before they were read
//	ohce_link_delayed                   datagrams that wait for their time
//	ohce_link_mappings                  ports open towards the server
//	ohce_link_mappings_opened_total     ports opened
//	ohce_link_mappings_closed_total     ports closed, by reason: expired, evicted
//	ohce_link_port_unreachable_total    ICMP port unreachable messages from the server's address
//	ohce_link_read_errors_total         other read errors
func NewLinkCollector(
	links iter.Seq2[string, relay.Stats], constant prometheus.Labels,
) prometheus.Collector {
	add := func(kind prometheus.ValueType, name, help string, labels ...string) metric {
		return newMetric("link_"+name, help, kind, constant, append([]string{"link"}, labels...)...)
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return &linkCollector{
		links:    links,
		received: add(counter, "received_total", "Datagrams that the link read.", "direction"),
		sent:     add(counter, "sent_total", "Datagrams that the link sent, copies included.", "direction"),
		dropped: add(counter, "dropped_total", "Datagrams that the link did not send.",
			"direction", "reason"),
		changed: add(counter, "changed_total", "Datagrams that the link changed or reordered.",
			"direction", "change"),
		kernelDropped: add(counter, "kernel_dropped_total",
			"Datagrams that the kernel dropped before the link read them.", "direction"),
		delayed:     add(gauge, "delayed", "Datagrams that wait for their time.", "direction"),
		mappings:    add(gauge, "mappings", "Ports open towards the server."),
		opened:      add(counter, "mappings_opened_total", "Ports opened towards the server."),
		closed:      add(counter, "mappings_closed_total", "Ports closed.", "reason"),
		unreachable: add(counter, "port_unreachable_total", "ICMP port unreachable messages."),
		readErrors:  add(counter, "read_errors_total", "Other read errors."),
	}
}

func (c *linkCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range []metric{
		c.received, c.sent, c.dropped, c.changed, c.kernelDropped, c.delayed, c.mappings, c.opened,
		c.closed, c.unreachable, c.readErrors,
	} {
		ch <- m.desc
	}
}

func (c *linkCollector) Collect(ch chan<- prometheus.Metric) {
	for name, s := range c.links {
		c.collectDirection(ch, &s.Up, name, "up")
		c.collectDirection(ch, &s.Down, name, "down")
		for reason, n := range map[string]uint64{
			"no_mapping": s.NoMapping, "address_limit": s.AddressLimit, "port_limit": s.PortLimit,
			"loop": s.Loop,
		} {
			c.dropped.send(ch, n, name, "up", reason)
		}
		c.mappings.send(ch, s.Mappings, name)
		c.opened.send(ch, s.Opened, name)
		c.closed.send(ch, s.Expired, name, "expired")
		c.closed.send(ch, s.Evicted, name, "evicted")
		c.unreachable.send(ch, s.PortUnreachable, name)
		c.readErrors.send(ch, s.ReadErrors, name)
	}
}

func (c *linkCollector) collectDirection(
	ch chan<- prometheus.Metric, d *relay.DirectionStats, name, direction string,
) {
	c.received.send(ch, d.Received, name, direction)
	c.sent.send(ch, d.Sent, name, direction)
	c.kernelDropped.send(ch, d.KernelDropped, name, direction)
	c.delayed.send(ch, d.Delayed, name, direction)
	for reason, n := range map[string]uint64{
		"oversize": d.Oversize, "black_holed": d.BlackHoled, "too_long": d.TooLong, "lost": d.Lost,
		"overflow": d.Overflow, "unsent": d.Unsent, "buffer_full": d.BufferFull,
		"unmapped": d.Unmapped,
	} {
		c.dropped.send(ch, n, name, direction, reason)
	}
	for change, n := range map[string]uint64{
		"truncated": d.Truncated, "corrupted": d.Corrupted, "duplicated": d.Duplicated,
		"reordered": d.Reordered, "rebound": d.Rebound,
	} {
		c.changed.send(ch, n, name, direction, change)
	}
}
