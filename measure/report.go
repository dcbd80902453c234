package measure

import "time"

// A Report is the result of a Load. As JSON, its times are in milliseconds.
type Report struct {
	// AskedRate is the rate of the due times in requests a second, SentRate the rate at which
	// requests were sent, and AnsweredRate that at which right responses arrived in time. They are 0
	// with fewer than two requests. A closed loop has no AskedRate.
	AskedRate    float64 `json:"asked_rate"`
	SentRate     float64 `json:"sent_rate"`
	AnsweredRate float64 `json:"answered_rate"`

	// Asked is the number of due requests, and Sent the number of requests sent.
	Asked int `json:"asked"`
	Sent  int `json:"sent"`
	// Each request sent is counted in one of the following, or in Own.Overflow. Lost requests have no
	// response at all. A datagram that matches no request is taken for the wrong response to one of
	// them, which then counts in Wrong and not in Lost. Their number is not exact if such a datagram is
	// duplicated.
	Answered    int `json:"answered"`
	Lost        int `json:"lost"`
	Late        int `json:"late"`
	Wrong       int `json:"wrong"`
	Refused     int `json:"refused"`
	Unreachable int `json:"unreachable"`
	// InFlight is the number of requests that had not ended when the run was interrupted.
	InFlight int `json:"in_flight"`
	// LossPercent is the loss: the share of the requests sent without a right response in time, in
	// percent. It is 100·(Sent-Answered)/Sent. Requests in flight do not count as sent here.
	LossPercent float64 `json:"loss_percent"`

	// Duplicates, Reordered and Unexpected count datagrams as in [Counts].
	Duplicates int `json:"duplicates"`
	Reordered  int `json:"reordered"`
	Unexpected int `json:"unexpected"`
	// Arrived counts all datagrams that arrived from the server, including those that this system
	// dropped.
	Arrived int `json:"arrived"`
	// Ambiguous counts the requests that were sent while an equal one, or one with an equal key, had
	// not been answered. Their responses may have been taken for each other's.
	Ambiguous int `json:"ambiguous"`

	// ByDirection says where datagrams were lost. Run does not set it. See NewDirectionReport.
	ByDirection *DirectionReport `json:"by_direction,omitempty"`

	// Own counts failures of this program and its system. A request whose response was dropped here
	// counts in Own.Overflow and not in Lost.
	Own Own `json:"own"`
	// Trustworthy is false if the failures of Own exceed 0.1 % of the due requests. The figures then
	// describe this machine rather than the server.
	Trustworthy bool `json:"trustworthy"`

	// Latency counts from the due times, Service from the transmissions.
	Latency Distribution `json:"latency_ms"`
	Service Distribution `json:"service_ms"`
	// Lag is the time from the due time of a request to its transmission.
	Lag Distribution `json:"lag_ms"`
	// ReceiveDelay is the time from the arrival of a packet at this system to its read. It is part of
	// Latency and Service. It is empty if the system does not report it.
	ReceiveDelay Distribution `json:"receive_delay_ms"`

	// Duration is the time from the start of the run to the last transmission.
	Duration Milliseconds `json:"duration_ms"`
	// Intervals are the intervals of the run, in order.
	Intervals []Interval `json:"intervals"`
	// Percentiles describe Latency more finely, and ServicePercentiles describe Service.
	Percentiles        []Percentile `json:"percentiles"`
	ServicePercentiles []Percentile `json:"service_percentiles"`
}

// An Interval is what happened in a part of a run. A request can be sent in one interval and end in
// another.
type Interval struct {
	// Begin is the time from the start of the run.
	Begin Milliseconds `json:"begin_ms"`
	// The counts are as in Report, but Lost includes Late, Wrong and Own.Overflow, and Refused includes
	// Unreachable. A datagram that matches no request does not count.
	Asked      int `json:"asked"`
	Sent       int `json:"sent"`
	Answered   int `json:"answered"`
	Lost       int `json:"lost"`
	Refused    int `json:"refused"`
	Duplicates int `json:"duplicates"`
	Own        Own `json:"own"`
	// Latency and Service describe the responses that arrived in the interval.
	Latency Distribution `json:"latency_ms"`
	Service Distribution `json:"service_ms"`
}

func newInterval(begin time.Duration, s *sums) Interval {
	return Interval{
		Begin: Milliseconds(begin), Asked: s.asked, Sent: s.sent, Answered: s.Answered,
		Lost: s.Lost + s.Late + s.Wrong, Refused: s.Refused + s.Unreachable, Duplicates: s.Duplicates,
		Own:     Own{Missed: s.Own.Missed, Refused: s.Own.Refused, Overflow: s.overflow},
		Latency: s.Latency(), Service: s.RTT(),
	}
}

// A Percentile is a point of a distribution: the given share of all durations, in percent, does not
// exceed Value.
type Percentile struct {
	Percent float64      `json:"percent"`
	Value   Milliseconds `json:"value_ms"`
	// Count is the number of durations up to Value.
	Count int `json:"count"`
}

// maxOwnFailures is the largest share of own failures in a trustworthy report.
const maxOwnFailures = 0.001

// report returns the report of a run that has ended.
func (c *collector) report() *Report {
	s := &c.total
	r := &Report{
		AskedRate: rate(s.asked, s.lastDue), SentRate: rate(s.sent, s.lastSent),
		Asked: s.asked, Sent: s.sent, Answered: s.Answered, Lost: s.Lost, Late: s.Late,
		Wrong: s.Wrong, Refused: s.Refused, Unreachable: s.Unreachable,
		Duplicates: s.Duplicates, Reordered: s.Reordered, Unexpected: s.Unexpected, Ambiguous: s.ambiguous, Own: s.Own,
		Arrived: s.arrived + s.overflow,
		Latency: s.Latency(), Service: s.RTT(),
		Lag: s.lag.distribution(), ReceiveDelay: s.ReceiveDelay(),
		Duration: Milliseconds(s.lastSent), Intervals: c.intervals, Percentiles: s.latency.percentiles(),
		ServicePercentiles: s.rtt.percentiles(),
	}
	r.InFlight = s.sent - s.Summary.Sent()
	if s.sent > 0 {
		r.AnsweredRate = r.SentRate * float64(s.Answered) / float64(s.sent)
	}
	r.Own.Overflow = min(s.overflow, r.Lost)
	r.Lost -= r.Own.Overflow
	r.LossPercent = round(lossPercent(s.sent-r.InFlight, s.Answered))
	own := r.Own.Missed + r.Own.Refused + s.overflow + s.readErrors
	r.Trustworthy = float64(own) <= maxOwnFailures*float64(r.Asked)
	return r
}

// A run that kept its rate sent at least this share of it, and 99 % of the requests within this share of
// its duration.
const (
	minKeptRate = 0.99
	maxKeptLag  = 0.02
)

// KeptRate reports whether this machine sent at least 99.9 % of the due requests, at 99 % or more of
// AskedRate, and 99 % of them no later than a fiftieth of Duration. AskedRate of a closed loop is 0, and
// so is the lag of its requests: it keeps its rate.
func (r *Report) KeptRate() bool {
	return float64(r.Asked-r.Sent) <= maxOwnFailures*float64(r.Asked) && r.SentRate >= minKeptRate*r.AskedRate &&
		float64(r.Lag.P99) <= maxKeptLag*float64(r.Duration)
}

// takeWrong takes each datagram that answers no request for the wrong response to a lost one.
func (r *Report) takeWrong() {
	n := min(r.Unexpected, r.Lost)
	r.Wrong, r.Lost = r.Wrong+n, r.Lost-n
}

// rate returns the rate of n events, of which the first was at 0 and the last at last.
func rate(n int, last time.Duration) float64 {
	if n < 2 || last <= 0 {
		return 0
	}
	return round(float64(n-1) / last.Seconds())
}
