package dashboard

import (
	"math"
	"time"

	"github.com/ohce/ohce"
)

// A frame holds what the page shows at one moment. It is sent to the page as JSON.
type frame struct {
	Time     int64   `json:"time"`     // Unix time of the snapshot in milliseconds
	Interval float64 `json:"interval"` // seconds since the preceding snapshot; 0: there is none
	State    string  `json:"state"`    // why the process accepts no requests, or ""

	Flows     []flowFigures    `json:"flows"`
	Handler   *handlerFigures  `json:"handler,omitempty"`
	Links     []linkFigures    `json:"links,omitempty"`
	MoreLinks int              `json:"more_links,omitempty"`
	Prefixes  *prefixFigures   `json:"prefixes,omitempty"`
	Exchanges []exchangeFigure `json:"exchanges,omitempty"`
}

// flowFigures are the figures of a Flow. Counters that are 0 are left out.
type flowFigures struct {
	Name          string          `json:"name"`
	Received      figure          `json:"received"`
	Sent          figure          `json:"sent"`
	ReceivedBytes figure          `json:"received_bytes,omitzero"`
	SentBytes     figure          `json:"sent_bytes,omitzero"`
	KernelDropped figure          `json:"kernel_dropped,omitzero"`
	Waiting       uint64          `json:"waiting"`
	Dropped       []counterFigure `json:"dropped,omitempty"`
	Changed       []counterFigure `json:"changed,omitempty"`
}

// A figure is a counter with its rate a second in the last interval, rounded to tenths.
type figure struct {
	Total uint64  `json:"total"`
	Rate  float64 `json:"rate"`
}

type counterFigure struct {
	Name string `json:"name"`
	figure
}

// handlerFigures are the durations of the handler in the last interval, and since the start.
type handlerFigures struct {
	Last  durations `json:"last"`
	Total durations `json:"total"`
}

// durations are percentiles in nanoseconds. Each is less than 10 % too long.
type durations struct {
	Count  uint64        `json:"count"`
	Median time.Duration `json:"median"`
	P90    time.Duration `json:"p90"`
	P99    time.Duration `json:"p99"`
	P999   time.Duration `json:"p999"`
}

type linkFigures struct {
	Name     string `json:"name"`
	Listen   string `json:"listen"`
	To       string `json:"to"`
	Up       string `json:"up"`
	Down     string `json:"down"`
	Error    string `json:"error,omitempty"`
	Mappings uint64 `json:"mappings"`
}

// compare returns the figures of a snapshot. earlier is the one before it, or nil, and elapsed the
// time between them. The rates are 0 if it is not positive.
func compare(earlier, s *Snapshot, elapsed time.Duration) *frame {
	if earlier == nil || elapsed <= 0 {
		earlier, elapsed = s, 0
	}
	f := &frame{Interval: elapsed.Seconds(), MoreLinks: s.MoreLinks}
	for i := range s.Flows {
		flow := &s.Flows[i]
		before := findFlow(earlier.Flows, flow.Name, i)
		f.Flows = append(f.Flows, compareFlows(before, flow, elapsed))
	}
	for i := range s.Links {
		l := &s.Links[i]
		f.Links = append(f.Links, linkFigures{
			Name: l.Name, Listen: l.Listen, To: l.To, Up: l.Up, Down: l.Down, Error: l.Error,
			Mappings: l.Stats.Mappings,
		})
	}
	if s.HandlerTimes != nil {
		last := s.HandlerTimes.Sub(earlier.HandlerTimes)
		f.Handler = &handlerFigures{Last: percentiles(&last), Total: percentiles(s.HandlerTimes)}
	}
	return f
}

// findFlow returns the flow with a name, which is probably flows[i]. If there is none, it returns
// an empty flow: the counters of a new link began at 0.
func findFlow(flows []Flow, name string, i int) *Flow {
	if i < len(flows) && flows[i].Name == name {
		return &flows[i]
	}
	for i := range flows {
		if flows[i].Name == name {
			return &flows[i]
		}
	}
	return &Flow{Name: name}
}

func compareFlows(earlier, flow *Flow, elapsed time.Duration) flowFigures {
	return flowFigures{
		Name: flow.Name, Waiting: flow.Waiting,
		Received:      newFigure(earlier.Received, flow.Received, elapsed),
		Sent:          newFigure(earlier.Sent, flow.Sent, elapsed),
		ReceivedBytes: newFigure(earlier.ReceivedBytes, flow.ReceivedBytes, elapsed),
		SentBytes:     newFigure(earlier.SentBytes, flow.SentBytes, elapsed),
		KernelDropped: newFigure(earlier.KernelDropped, flow.KernelDropped, elapsed),
		Dropped:       compareCounters(earlier.Dropped, flow.Dropped, elapsed),
		Changed:       compareCounters(earlier.Changed, flow.Changed, elapsed),
	}
}

func compareCounters(earlier, counters []Counter, elapsed time.Duration) (all []counterFigure) {
	for i, c := range counters {
		if c.Total == 0 {
			continue
		}
		var before uint64
		if i < len(earlier) && earlier[i].Name == c.Name {
			before = earlier[i].Total
		}
		all = append(all, counterFigure{c.Name, newFigure(before, c.Total, elapsed)})
	}
	return all
}

// newFigure returns the figure of a counter. If the counter has decreased, it belongs to a new link
// with the name of an old one, and began at 0.
func newFigure(earlier, total uint64, elapsed time.Duration) figure {
	f := figure{Total: total}
	if total < earlier {
		earlier = 0
	}
	if elapsed > 0 {
		f.Rate = math.Round(float64(total-earlier)/elapsed.Seconds()*10) / 10
	}
	return f
}

func percentiles(h *ohce.DurationHistogram) durations {
	return durations{
		Count: h.Count, Median: h.Quantile(0.5), P90: h.Quantile(0.9), P99: h.Quantile(0.99),
		P999: h.Quantile(0.999),
	}
}
