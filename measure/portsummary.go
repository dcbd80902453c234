package measure

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/ohce/ohce"
)

// A PortOutcome is the result of all requests from a source port.
type PortOutcome string

const (
	// PortAnswered means that the loss is not higher than that of the other ports.
	PortAnswered PortOutcome = "answered"
	// PortLossy means that there are responses, but significantly more requests from this port have
	// none than those from other ports.
	PortLossy PortOutcome = "lossy"
	// PortSilent means that no response arrived.
	PortSilent PortOutcome = "lost"
	// PortWrong means that there is no right response, but a wrong one. It precedes the following.
	PortWrong PortOutcome = "wrong"
	// PortRefused and PortUnreachable mean that there is no response, but an ICMP message. The former
	// precedes the latter, and both precede PortSilent.
	PortRefused     PortOutcome = "refused"
	PortUnreachable PortOutcome = "unreachable"
	// PortInUse means that another socket of this machine has the port. No request was sent.
	PortInUse PortOutcome = "in_use"
	// PortUnsent means that this system did not send a request.
	PortUnsent PortOutcome = "unsent"
)

// Failed reports whether the port does not work, or works worse than others.
func (o PortOutcome) Failed() bool { return o != PortAnswered && o != PortInUse }

// A PortResult adds up the samples of a source port.
type PortResult struct {
	Port    uint16
	Outcome PortOutcome
	// Sent is the number of requests. The other numbers count them by their class. Unsent requests
	// do not count as sent.
	Sent, Answered, Lost, Wrong, Refused, Unreachable, Unsent int
	// Backends are the different values of backend that were passed to Add with right responses, in
	// alphabetical order.
	Backends []string
	// MinRTT is the shortest round-trip time. It is 0 without a right response.
	MinRTT time.Duration
}

// A PortSummary adds up samples by source port. The zero value is empty. A PortSummary must not be
// used concurrently.
type PortSummary struct{ ports map[uint16]*PortResult }

// Add adds a sample. backend names the server behind a balancer that sent a right response; it can be
// empty.
func (s *PortSummary) Add(sample PortSample, backend string) {
	if s.ports == nil {
		s.ports = make(map[uint16]*PortResult)
	}
	r := s.ports[sample.Port]
	if r == nil {
		r = &PortResult{Port: sample.Port}
		s.ports[sample.Port] = r
	}
	if errors.Is(sample.Err, ohce.ErrAddrInUse) {
		r.Outcome = PortInUse
		return
	}
	r.add(sample.Sample, backend)
}

func (r *PortResult) add(sample Sample, backend string) {
	if sample.Class == Unsent {
		r.Unsent++
		return
	}
	r.Sent++
	switch sample.Class {
	case Answered:
		r.Answered++
		if r.MinRTT == 0 || sample.RTT < r.MinRTT {
			r.MinRTT = sample.RTT
		}
		if i, found := slices.BinarySearch(r.Backends, backend); backend != "" && !found {
			r.Backends = slices.Insert(r.Backends, i, backend)
		}
	case Wrong:
		r.Wrong++
	case Refused:
		r.Refused++
	case Unreachable:
		r.Unreachable++
	default:
		r.Lost++
	}
}

// Results returns the result of each port, in the order of the ports.
//
// A port is lossy if such a loss would occur by chance with a probability of less than 1 % divided by
// the number of ports. The usual loss is that of the port that a quarter of the answering ports do not
// exceed, plus one standard error. With three requests from each port, no port with a response is
// lossy. To find ports that lose a part of the requests, send at least ten from each.
func (s *PortSummary) Results() []PortResult {
	var all []PortResult
	for _, r := range s.ports {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b PortResult) int { return cmp.Compare(a.Port, b.Port) })
	usual := usualLoss(all)
	for i := range all {
		all[i].Outcome = all[i].outcome(usual, 0.01/float64(len(all)))
	}
	return all
}

// outcome returns the outcome of a port, if a request usually has no response with the probability
// usual. A lossy port has a loss that is less probable than limit.
func (r *PortResult) outcome(usual, limit float64) PortOutcome {
	switch {
	case r.Outcome == PortInUse:
		return PortInUse
	case r.Answered > 0 && binomialTail(r.Sent, r.Sent-r.Answered, usual) < limit:
		return PortLossy
	case r.Answered > 0:
		return PortAnswered
	case r.Wrong > 0:
		return PortWrong
	case r.Refused > 0:
		return PortRefused
	case r.Unreachable > 0:
		return PortUnreachable
	case r.Lost > 0:
		return PortSilent
	default:
		return PortUnsent
	}
}

// usualLoss returns the loss of the port that a quarter of the answering ports do not exceed, plus one
// standard error (Wilson's upper bound, which is above 0 even if that port has no loss).
func usualLoss(ports []PortResult) float64 {
	type loss struct{ rate, n float64 }
	var losses []loss
	for _, r := range ports {
		if r.Answered > 0 {
			n := float64(r.Sent)
			losses = append(losses, loss{1 - float64(r.Answered)/n, n})
		}
	}
	if len(losses) == 0 {
		return 0
	}
	slices.SortFunc(losses, func(a, b loss) int { return cmp.Compare(a.rate, b.rate) })
	q := losses[len(losses)/4]
	return (q.rate + 1/(2*q.n) + math.Sqrt(q.rate*(1-q.rate)/q.n+1/(4*q.n*q.n))) / (1 + 1/q.n)
}

// binomialTail returns the probability of at least k successes in n trials with probability p each.
// p must be between 0 and 1, both excluded.
func binomialTail(n, k int, p float64) (tail float64) {
	for i := k; i <= n; i++ {
		tail += math.Exp(logBinomial(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return tail
}

// logBinomial returns the logarithm of the binomial coefficient.
func logBinomial(n, k int) float64 {
	logFactorial := func(n int) float64 {
		v, _ := math.Lgamma(float64(n + 1))
		return v
	}
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}
