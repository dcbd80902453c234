package measure

import (
	"encoding/json"
	"time"
)

// missedLag is the Lag from which a request counts as missed.
const missedLag = time.Millisecond

// A Summary adds up samples. The zero value is empty. A Summary must not be used concurrently.
type Summary struct {
	// Answered to Unreachable count requests by their class. A late request, whose response arrived
	// after the timeout, counts as Late and not as Lost.
	Answered, Lost, Late, Wrong, Refused, Unreachable int
	// Duplicates, Reordered and Unexpected are those of [Counts].
	Duplicates, Reordered, Unexpected int
	// Own counts the failures of this program and its system.
	Own Own

	rtt, latency histogram
	delay        histogram     // see ReceiveDelay
	jitter       float64       // in ns
	previous     time.Duration // RTT of the previous answered request
}

// Own counts failures of this program and its system.
type Own struct {
	// Missed counts requests that were sent more than 1 ms after their due time. They also count in
	// their class. In a Report, Missed also counts requests that were not sent, because they were more
	// than Load.Timeout late.
	Missed int `json:"missed"`
	// Refused counts requests that this system did not send: those of class Unsent, and in a Report
	// those for which Load.MaxInFlight left no room. It is unrelated to Summary.Refused and
	// Report.Refused, which count ICMP port unreachable messages.
	Refused int `json:"refused"`
	// Overflow counts requests whose response the system dropped because the receive buffer was full.
	Overflow int `json:"overflow"`
}

// Add adds a sample.
func (s *Summary) Add(sample Sample) {
	if sample.Lag > missedLag {
		s.Own.Missed++
	}
	switch sample.Class {
	case Answered:
		s.addAnswered(sample)
	case Lost:
		s.Lost++
	case Wrong:
		s.Wrong++
	case Refused:
		s.Refused++
	case Unreachable:
		s.Unreachable++
	default:
		s.Own.Refused++
	}
}

func (s *Summary) addAnswered(sample Sample) {
	if s.Answered > 0 {
		// RFC 3550, section 6.4.1: the difference of the round-trip times is the difference of the
		// transit times.
		s.jitter += (float64((sample.RTT - s.previous).Abs()) - s.jitter) / 16
	}
	s.previous = sample.RTT
	s.Answered++
	s.rtt.add(sample.RTT)
	s.latency.add(sample.Latency)
	if sample.ReceiveDelay > 0 {
		s.delay.add(sample.ReceiveDelay)
	}
}

// merge adds the samples of o. The jitter is that of the summary with more answers.
func (s *Summary) merge(o *Summary) {
	if o.Answered > s.Answered {
		s.jitter, s.previous = o.jitter, o.previous
	}
	s.Answered, s.Lost, s.Late = s.Answered+o.Answered, s.Lost+o.Lost, s.Late+o.Late
	s.Wrong, s.Refused = s.Wrong+o.Wrong, s.Refused+o.Refused
	s.Unreachable, s.Unexpected = s.Unreachable+o.Unreachable, s.Unexpected+o.Unexpected
	s.Duplicates, s.Reordered = s.Duplicates+o.Duplicates, s.Reordered+o.Reordered
	s.Own.Missed, s.Own.Refused = s.Own.Missed+o.Own.Missed, s.Own.Refused+o.Own.Refused
	s.Own.Overflow += o.Own.Overflow
	s.rtt.merge(&o.rtt)
	s.latency.merge(&o.latency)
	s.delay.merge(&o.delay)
}

// SetCounts sets the counts of datagrams. It moves c.Late requests from Lost to Late, and up to
// c.Overflow of the other lost requests to Own.Overflow.
func (s *Summary) SetCounts(c Counts) {
	s.Lost += s.Late + s.Own.Overflow
	s.Late = min(c.Late, s.Lost)
	s.Own.Overflow = min(c.Overflow, s.Lost-s.Late)
	s.Lost -= s.Late + s.Own.Overflow
	s.Duplicates, s.Reordered, s.Unexpected = c.Duplicates, c.Reordered, c.Unexpected
}

// Sent returns the number of requests that were sent.
func (s *Summary) Sent() int {
	return s.Answered + s.Lost + s.Late + s.Wrong + s.Refused + s.Unreachable + s.Own.Overflow
}

// LossPercent returns the loss: the share of the sent requests without a right response in time, in
// percent. It is 100·(Sent-Answered)/Sent, and 0 if no request was sent. Lost requests, which have no
// response at all, are a part of it.
func (s *Summary) LossPercent() float64 { return lossPercent(s.Sent(), s.Answered) }

// lossPercent returns the share of the requests without a right response in time, in percent.
func lossPercent(ended, answered int) float64 {
	if ended == 0 {
		return 0
	}
	return 100 * float64(ended-answered) / float64(ended)
}

// RTT returns the distribution of the round-trip times.
func (s *Summary) RTT() Distribution { return s.rtt.distribution() }

// Latency returns the distribution of the latencies, which count from the due times.
func (s *Summary) Latency() Distribution { return s.latency.distribution() }

// ReceiveDelay returns the distribution of the known times from the arrival of a response at this
// system to its read. They are parts of the round-trip times.
func (s *Summary) ReceiveDelay() Distribution { return s.delay.distribution() }

// Jitter returns the smoothed variation of the round-trip time (RFC 3550, section 6.4.1).
func (s *Summary) Jitter() time.Duration { return time.Duration(s.jitter) }

// MarshalJSON returns the summary as a JSON object. Times are in milliseconds.
func (s *Summary) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Sent        int          `json:"sent"`
		Answered    int          `json:"answered"`
		Lost        int          `json:"lost"`
		LossPercent float64      `json:"loss_percent"`
		Late        int          `json:"late"`
		Duplicates  int          `json:"duplicates"`
		Reordered   int          `json:"reordered"`
		Wrong       int          `json:"wrong"`
		Refused     int          `json:"refused"`
		Unreachable int          `json:"unreachable"`
		Unexpected  int          `json:"unexpected"`
		Own         Own          `json:"own"`
		RTT         Distribution `json:"rtt_ms"`
		Jitter      float64      `json:"jitter_ms"`
		Delay       Distribution `json:"receive_delay_ms"`
	}{
		s.Sent(), s.Answered, s.Lost, round(s.LossPercent()), s.Late, s.Duplicates, s.Reordered, s.Wrong,
		s.Refused, s.Unreachable, s.Unexpected, s.Own, s.RTT(), millis(s.Jitter()),
		s.ReceiveDelay(),
	})
}
