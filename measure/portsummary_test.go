package measure_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
)

// addPort adds samples for a port: the first lost ones of count are lost.
func addPort(s *measure.PortSummary, port, count, lost int) {
	for i := range count {
		sample := measure.PortSample{Port: uint16(port)}
		if i < lost {
			sample.Class = measure.Lost
		}
		s.Add(sample, "")
	}
}

// failed returns the ports that do not work.
func failed(s *measure.PortSummary) (ports []uint16) {
	for _, r := range s.Results() {
		if r.Outcome.Failed() {
			ports = append(ports, r.Port)
		}
	}
	return ports
}

// TestPortSummaryByChance checks that a summary almost never names a port if all ports have the same
// loss.
func TestPortSummaryByChance(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, loss := range []float64{0.001, 0.02, 0.1, 0.3, 0.6} {
		for _, count := range []int{3, 10, 30, 100} {
			named := 0
			const rounds = 50
			for range rounds {
				var s measure.PortSummary
				for port := range 64 {
					lost := 0
					for range count {
						if random.Float64() < loss {
							lost++
						}
					}
					if lost < count { // otherwise the port is silent
						addPort(&s, port, count, lost)
					}
				}
				if len(failed(&s)) > 0 {
					named++
				}
			}
			if named > 3 {
				t.Errorf("loss %v, %d requests from each port: %d of %d summaries name a port", loss,
					count, named, rounds)
			}
		}
	}
}

// TestPortSummaryLossy checks that a summary names the ports with a higher loss, whether they are few
// or most of all.
func TestPortSummaryLossy(t *testing.T) {
	for _, tt := range []struct {
		name               string
		count, usual, high int // requests of a port, and how many of them are lost
		bad                int // of 64 ports
	}{
		{"one", 20, 0, 10, 1}, {"half", 20, 0, 10, 32}, {"two thirds", 20, 1, 12, 42},
		{"10 requests", 10, 0, 6, 20}, {"1,000 requests", 1000, 900, 990, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s measure.PortSummary
			var want []uint16
			for port := range 64 {
				lost := tt.usual
				if port < tt.bad {
					lost = tt.high
					want = append(want, uint16(port))
				}
				addPort(&s, port, tt.count, lost)
			}
			if got := failed(&s); !slices.Equal(got, want) {
				t.Errorf("the ports %v are lossy, want %v", got, want)
			}
		})
	}
}

// TestPortSummaryResult checks the numbers of a port with requests of all classes.
func TestPortSummaryResult(t *testing.T) {
	var s measure.PortSummary
	for class := measure.Answered; class <= measure.Unsent; class++ {
		for n := range int(class) + 1 {
			s.Add(measure.PortSample{Port: 7, Sample: measure.Sample{Class: class, RTT: ms}},
				[]string{"b", "a", "b"}[n%3])
		}
	}
	s.Add(measure.PortSample{Port: 7, Sample: measure.Sample{RTT: 2 * ms}}, "a")
	s.Add(measure.PortSample{Port: 6, Sample: measure.Sample{Class: measure.Unsent,
		Err: fmt.Errorf("%w", ohce.ErrAddrInUse)}}, "")
	s.Add(measure.PortSample{Port: 5, Sample: measure.Sample{Class: measure.Unsent, Err: errors.New("x")}}, "")
	want := []measure.PortResult{
		{Port: 5, Outcome: measure.PortUnsent, Unsent: 1},
		{Port: 6, Outcome: measure.PortInUse},
		{Port: 7, Outcome: measure.PortAnswered, Sent: 16, Answered: 2, Lost: 2, Wrong: 3, Refused: 4,
			Unreachable: 5, Unsent: 6, Backends: []string{"a", "b"}, MinRTT: ms},
	}
	if got := s.Results(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the results are %+v, want %+v", got, want)
	}
}
