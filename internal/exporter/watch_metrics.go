package exporter

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce/measure"
)

// watchMetrics are the metrics of all watched targets.
type watchMetrics struct {
	requests  *prometheus.CounterVec
	ignored   *prometheus.CounterVec
	responses *prometheus.HistogramVec
}

func newWatchMetrics() *watchMetrics {
	labels := []string{"target", "module"}
	return &watchMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ohce_watch_requests_total",
			Help: "Number of requests to watched targets that have ended, by result.",
		}, append(labels, "result")),
		ignored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ohce_watch_ignored_datagrams_total",
			Help: "Number of datagrams from watched targets that are no responses, by reason.",
		}, append(labels, "reason")),
		responses: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ohce_watch_rtt_seconds", Help: "Round-trip times of requests to watched targets.",
			Buckets: rttBuckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		}, labels),
	}
}

// Describe sends the descriptions of all metrics.
func (m *watchMetrics) Describe(ch chan<- *prometheus.Desc) {
	m.requests.Describe(ch)
	m.ignored.Describe(ch)
	m.responses.Describe(ch)
}

// Collect sends all metrics.
func (m *watchMetrics) Collect(ch chan<- prometheus.Metric) {
	m.requests.Collect(ch)
	m.ignored.Collect(ch)
	m.responses.Collect(ch)
}

// A watchSeries holds the metrics of one target.
type watchSeries struct {
	requests  [classes]prometheus.Counter
	reasons   map[ignoredReason]prometheus.Counter // not changed
	responses prometheus.Observer
}

// series returns the metrics of a target. All of them exist from the beginning, so that a rate
// includes the first request.
func (m *watchMetrics) series(key watchKey) *watchSeries {
	s := &watchSeries{
		reasons:   make(map[ignoredReason]prometheus.Counter),
		responses: m.responses.WithLabelValues(key.target, key.module),
	}
	for class := range s.requests {
		s.requests[class] = m.requests.WithLabelValues(key.target, key.module, measure.Class(class).String())
	}
	for _, why := range ignoredReasons {
		s.reasons[why] = m.ignored.WithLabelValues(key.target, key.module, string(why))
	}
	return s
}

// remove removes the metrics of a target.
func (m *watchMetrics) remove(key watchKey) {
	labels := prometheus.Labels{"target": key.target, "module": key.module}
	m.requests.DeletePartialMatch(labels)
	m.ignored.DeletePartialMatch(labels)
	m.responses.DeletePartialMatch(labels)
}

// ended counts the end of a request.
func (s *watchSeries) ended(o outcome) {
	s.requests[o.class].Inc()
	for _, rtt := range o.rtts {
		s.responses.Observe(rtt.Seconds())
	}
}

// ignored counts a datagram that is not a response.
func (s *watchSeries) ignored(why ignoredReason) { s.reasons[why].Inc() }
