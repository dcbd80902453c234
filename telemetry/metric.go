package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
)

// namespace is the prefix of all metrics.
const namespace = "ohce"

// A metric describes a metric with a fixed type.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// newMetric returns the metric NAMESPACE_NAME. labels are the names of its labels, and constant has
// labels that all metrics of a collector have.
func newMetric(
	name, help string, kind prometheus.ValueType, constant prometheus.Labels, labels ...string,
) metric {
	full := prometheus.BuildFQName(namespace, "", name)
	return metric{prometheus.NewDesc(full, help, labels, constant), kind}
}

// send sends the value with the values of the labels.
func (m metric) send(ch chan<- prometheus.Metric, value uint64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(value), labels...)
}
