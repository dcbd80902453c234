package loadreport_test

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

const ms = time.Millisecond

// header is the header of the reports in the tests.
var header = loadreport.Header{
	Target: "192.0.2.7:3000",
	Settings: loadreport.Settings{
		{"rate", "1000"}, {"duration", "20s"}, {"arrivals", "poisson"}, {"timeout", "1s"},
		{"send", `<script>alert("1 & 2")</script>`},
	},
	Start:   time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC),
	Version: "v0.1.0",
}

// A recorder makes a report from the results of requests, in intervals of a given length.
type recorder struct {
	report           measure.Report
	length           time.Duration
	latency, service [][]time.Duration // by interval
	lags             []time.Duration
}

func newRecorder(length time.Duration) *recorder {
	return &recorder{length: length, report: measure.Report{Trustworthy: true}}
}

// interval returns the interval at a time.
func (c *recorder) interval(at time.Duration) *measure.Interval {
	for int(at/c.length) >= len(c.report.Intervals) {
		begin := time.Duration(len(c.report.Intervals)) * c.length
		c.report.Intervals = append(c.report.Intervals, measure.Interval{Begin: measure.Milliseconds(begin)})
		c.latency, c.service = append(c.latency, nil), append(c.service, nil)
	}
	return &c.report.Intervals[at/c.length]
}

// sent adds a request that was sent lag after the time at which it was due.
func (c *recorder) sent(at, lag time.Duration) {
	i := c.interval(at)
	i.Asked, i.Sent = i.Asked+1, i.Sent+1
	c.report.Asked, c.report.Sent = c.report.Asked+1, c.report.Sent+1
	c.report.Duration = measure.Milliseconds(at + lag)
	c.lags = append(c.lags, lag)
	if lag > ms {
		i.Own.Missed++
		c.report.Own.Missed++
	}
}

// answered adds the response to a request.
func (c *recorder) answered(at, lag, service time.Duration) {
	i := c.interval(at + lag + service)
	i.Answered++
	c.report.Answered++
	n := (at + lag + service) / c.length
	c.latency[n] = append(c.latency[n], lag+service)
	c.service[n] = append(c.service[n], service)
}

// lost adds the time-out of a request that was sent at a time.
func (c *recorder) lost(at time.Duration) {
	c.interval(at+time.Second).Lost++
	c.report.Lost++
}

// finish returns the report.
func (c *recorder) finish() *measure.Report {
	r := &c.report
	var latency, service []time.Duration
	for n := range r.Intervals {
		r.Intervals[n].Latency = distribution(c.latency[n])
		r.Intervals[n].Service = distribution(c.service[n])
		latency, service = append(latency, c.latency[n]...), append(service, c.service[n]...)
	}
	r.Latency, r.Service, r.Lag = distribution(latency), distribution(service), distribution(c.lags)
	r.Percentiles, r.ServicePercentiles = percentiles(latency), percentiles(service)
	if r.Sent > 1 {
		r.SentRate = float64(r.Sent-1) / r.Duration.Duration().Seconds()
		r.AskedRate, r.AnsweredRate = r.SentRate, r.SentRate*float64(r.Answered)/float64(r.Sent)
	}
	if r.Sent > 0 {
		r.LossPercent = 100 * float64(r.Sent-r.Answered-r.InFlight) / float64(r.Sent-r.InFlight)
	}
	return r
}

// distribution returns the distribution of durations, which it sorts.
func distribution(all []time.Duration) measure.Distribution {
	if len(all) == 0 {
		return measure.Distribution{}
	}
	slices.Sort(all)
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	at := func(share float64) time.Duration { return all[min(int(share*float64(len(all))), len(all)-1)] }
	return measure.Distribution{
		Count: len(all), Min: all[0], Mean: sum / time.Duration(len(all)), Median: at(0.5),
		P90: at(0.9), P99: at(0.99), P999: at(0.999), Max: all[len(all)-1],
	}
}

// percentiles returns points of the distribution of sorted durations. Each is half as far from 100
// % as the second one before.
func percentiles(all []time.Duration) (points []measure.Percentile) {
	if len(all) == 0 {
		return nil
	}
	for rest := 100.0; ; {
		n := max(len(all)-int(rest/100*float64(len(all))), 1)
		points = append(points, measure.Percentile{Percent: 100 - rest,
			Value: measure.Milliseconds(all[n-1]), Count: n})
		if n == len(all) {
			break
		}
		points = append(points, measure.Percentile{Percent: 100 - rest*3/4,
			Value: measure.Milliseconds(all[n-1]), Count: n})
		rest /= 2
	}
	return append(points, measure.Percentile{Percent: 100, Value: measure.Milliseconds(all[len(all)-1]),
		Count: len(all)})
}

// reports are the reports whose outputs are in testdata.
var reports = map[string]*measure.Report{
	"empty":         {Trustworthy: true},
	"one":           oneRequest(),
	"unanswered":    unanswered(),
	"stalls":        stalls(20, 1000),
	"untrustworthy": untrustworthy(),
	"closed":        closedLoop(),
	"extreme":       extreme(),
}

func oneRequest() *measure.Report {
	c := newRecorder(time.Second)
	c.sent(0, 20*time.Microsecond)
	c.answered(0, 20*time.Microsecond, 180*time.Microsecond)
	return c.finish()
}

func unanswered() *measure.Report {
	c := newRecorder(time.Second)
	for n := range 300 {
		at := time.Duration(n) * 10 * ms
		c.sent(at, 0)
		if n%3 == 0 {
			c.interval(at).Refused++
			c.report.Refused++
		} else {
			c.lost(at)
		}
	}
	return c.finish()
}

// stalls is a run with a rate, in which the server stalls from time to time and loses a few
// requests.
func stalls(seconds, perSecond int) *measure.Report {
	rng := rand.New(rand.NewPCG(1, 2))
	c := newRecorder(time.Second)
	for n := range seconds * perSecond {
		at := time.Duration(n) * time.Second / time.Duration(perSecond)
		lag := time.Duration(rng.IntN(40)) * time.Microsecond
		c.sent(at, lag)
		service := time.Duration(180+rng.IntN(60)) * time.Microsecond
		for rng.IntN(3) == 0 && service < 100*ms {
			service += service * time.Duration(rng.IntN(100)) / 100
		}
		if phase := at % (5 * time.Second); phase > 4*time.Second && phase < 4*time.Second+40*ms {
			service += 4*time.Second + 40*ms - phase
		}
		if rng.IntN(400) == 0 {
			c.lost(at)
			continue
		}
		c.answered(at, lag, service)
	}
	return c.finish()
}

func untrustworthy() *measure.Report {
	c := newRecorder(time.Second)
	for n := range 4000 {
		at, lag := time.Duration(n)*5*ms/2, 10*time.Microsecond
		if n%400 > 370 {
			lag = 3 * ms
		}
		c.sent(at, lag)
		c.answered(at, lag, 400*time.Microsecond)
	}
	c.report.Intervals[3].Own.Refused, c.report.Own.Refused = 40, 40
	c.report.Intervals[7].Own.Overflow, c.report.Own.Overflow = 25, 25
	c.report.Trustworthy = false
	c.report.InFlight = 3
	return c.finish()
}

func closedLoop() *measure.Report {
	c := newRecorder(time.Second)
	for n := range 100 {
		at := time.Duration(n) * 40 * ms
		c.sent(at, 0)
		c.answered(at, 0, 40*ms)
	}
	r := c.finish()
	r.AskedRate = 0
	return r
}

// extreme has very different durations, and many requests.
func extreme() *measure.Report {
	c := newRecorder(time.Second)
	for n := range 1000 {
		at := time.Duration(n) * 3 * ms
		service := time.Microsecond << (n % 32)
		c.sent(at, 0)
		c.answered(at, 0, service%(40*time.Minute))
	}
	r := c.finish()
	r.Asked, r.Sent, r.Answered = 2_000_000_000, 2_000_000_000, 1_999_999_999
	r.AskedRate, r.SentRate, r.AnsweredRate = 4_200_000, 4_200_000, 4_199_999
	r.Intervals[0].Own.Missed, r.Own.Missed = 1, 1
	return r
}

// longRun is a run of 10,000 intervals with every kind of failure in each of them.
func longRun() *measure.Report {
	c := newRecorder(time.Second)
	for n := range 100_000 {
		at := time.Duration(n) * 100 * ms
		c.sent(at, 0)
		if n%7 == 0 {
			c.lost(at)
			continue
		}
		c.answered(at, 0, time.Duration(1_234_567+n*n%9_876_543))
	}
	for n := range c.report.Intervals {
		i := &c.report.Intervals[n]
		i.Refused, i.Own = n%5, measure.Own{Missed: n % 3, Refused: n % 4, Overflow: n % 2}
	}
	return c.finish()
}
