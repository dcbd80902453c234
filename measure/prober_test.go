package measure_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

const (
	ms         = time.Millisecond
	serverAddr = "192.0.2.7:3000"
)

// echo appends request to dst.
func echo(dst, request []byte) []byte { return append(dst, request...) }

// arrive returns a link that delivers each datagram after a delay.
func arrive(delay time.Duration) func(ohcetest.Datagram) []ohcetest.Arrival {
	return func(d ohcetest.Datagram) []ohcetest.Arrival {
		return []ohcetest.Arrival{{After: delay, Datagram: d}}
	}
}

// inBubble calls f with a network and a prober that sends numbered requests to an echo server at
// serverAddr. The requests share a port.
func inBubble(t *testing.T, link func(ohcetest.Datagram) []ohcetest.Arrival,
	f func(t *testing.T, n *ohcetest.Network, p *measure.Prober)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &ohcetest.Network{Link: link}
		n.NewPeer(serverAddr, echo)
		f(t, n, &measure.Prober{
			Addr: serverAddr, Dial: n.Dial, Match: ohce.MatchExact(echo),
			Request: func(dst []byte, n int) []byte { return fmt.Appendf(dst, "%d", n) },
		})
	})
}

// run runs the prober and returns all samples.
func run(t *testing.T, p *measure.Prober, due iter.Seq[time.Duration]) (all []measure.Sample) {
	t.Helper()
	for s, err := range p.Run(t.Context(), due) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// classes returns the classes of samples.
func classes(samples []measure.Sample) (all []measure.Class) {
	for _, s := range samples {
		all = append(all, s.Class)
	}
	return all
}

func checkClasses(t *testing.T, samples []measure.Sample, want ...measure.Class) {
	t.Helper()
	if got := classes(samples); !slices.Equal(got, want) {
		t.Errorf("the classes are %v, want %v", got, want)
	}
}

func TestRunAnswered(t *testing.T) {
	inBubble(t, arrive(3*ms), func(t *testing.T, _ *ohcetest.Network, p *measure.Prober) {
		begun := time.Now()
		samples := run(t, p, measure.Limit(measure.Regular(10*ms), 5, 0))
		for i, s := range samples {
			want := measure.Sample{
				Number: i + 1, Due: begun.Add(time.Duration(i) * 10 * ms), Latency: 6 * ms, RTT: 6 * ms,
				Request: fmt.Append(nil, i+1), Response: fmt.Append(nil, i+1),
			}
			if fmt.Sprint(s) != fmt.Sprint(want) {
				t.Errorf("sample %v, want %v", s, want)
			}
		}
		again := run(t, p, measure.Limit(measure.Regular(10*ms), 3, 0))
		checkClasses(t, again, measure.Answered, measure.Answered, measure.Answered)
		if len(samples) != 5 || time.Since(begun) != 72*ms || p.Counts() != (measure.Counts{Arrived: 8}) {
			t.Errorf("%d samples after %v, counts %+v", len(samples), time.Since(begun), p.Counts())
		}
	})
}

// A stall of the program delays the following requests. Their latency counts from the due time, and
// their round-trip time does not show the stall.
func TestRunStall(t *testing.T) {
	inBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, p *measure.Prober) {
		request := p.Request
		p.Request = func(dst []byte, n int) []byte {
			if n == 3 {
				time.Sleep(25 * ms)
			}
			return request(dst, n)
		}
		var sum measure.Summary
		var lags []time.Duration
		for _, s := range run(t, p, measure.Limit(measure.Regular(10*ms), 6, 0)) {
			lags = append(lags, s.Lag)
			if s.RTT != 2*ms || s.Latency != s.Lag+2*ms {
				t.Errorf("request %d: latency %v, round trip %v, lag %v", s.Number, s.Latency, s.RTT, s.Lag)
			}
			sum.Add(s)
		}
		if want := []time.Duration{0, 0, 25 * ms, 15 * ms, 5 * ms, 0}; !slices.Equal(lags, want) {
			t.Errorf("the lags are %v, want %v", lags, want)
		}
		if sum.Own.Missed != 3 || sum.Latency().Max != 27*ms || sum.RTT().Max != 2*ms {
			t.Errorf("%d missed, latency at most %v, round trip at most %v", sum.Own.Missed,
				sum.Latency().Max, sum.RTT().Max)
		}
	})
}

// The network loses request 2, delays the response to 3 beyond the time-out, doubles the response to
// 4 and lets the response to 6 overtake that to 5.
func TestRunClasses(t *testing.T) {
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		after := func(delay time.Duration) ohcetest.Arrival {
			return ohcetest.Arrival{After: delay, Datagram: d}
		}
		response := d.From.String() == serverAddr
		switch text := string(d.Data); {
		case text == "2" && !response:
			return nil
		case text == "3" && response:
			return []ohcetest.Arrival{after(150 * ms)}
		case text == "4" && response:
			return []ohcetest.Arrival{after(ms), after(5 * ms)}
		case text == "5" && response:
			return []ohcetest.Arrival{after(30 * ms)}
		default:
			return []ohcetest.Arrival{after(ms)}
		}
	}
	inBubble(t, link, func(t *testing.T, _ *ohcetest.Network, p *measure.Prober) {
		p.Timeout = 100 * ms
		samples := run(t, p, measure.Limit(measure.Regular(10*ms), 20, 0))
		want := slices.Repeat([]measure.Class{measure.Answered}, 20)
		want[1], want[2] = measure.Lost, measure.Lost
		checkClasses(t, samples, want...)
		counts := measure.Counts{Late: 1, Duplicates: 1, Reordered: 1, Arrived: 20}
		if p.Counts() != counts {
			t.Errorf("the counts are %+v, want %+v", p.Counts(), counts)
		}
		var sum measure.Summary
		for _, s := range samples {
			sum.Add(s)
		}
		for range 2 { // a second call has the same result
			sum.SetCounts(p.Counts())
			if sum.Lost != 1 || sum.Late != 1 || sum.Answered != 18 || sum.Sent() != 20 {
				t.Errorf("%d lost, %d late, %d answered of %d", sum.Lost, sum.Late, sum.Answered, sum.Sent())
			}
		}
		if sum.LossPercent() != 10 || sum.RTT().Max != 31*ms || sum.RTT().Min != 2*ms {
			t.Errorf("loss %v %%, round trips %v to %v", sum.LossPercent(), sum.RTT().Min, sum.RTT().Max)
		}
	})
}

// A wrong response without a key has its request, and with a key it is assigned if the request is
// alone in flight. The error is that of Check, if there is one.
func TestRunWrong(t *testing.T) {
	for _, keyed := range []bool{false, true} {
		inBubble(t, arrive(ms), func(t *testing.T, n *ohcetest.Network, p *measure.Prober) {
			p.Addr = "192.0.2.8:3000"
			n.NewPeer(p.Addr, func(dst, request []byte) []byte {
				if string(request) == "2" {
					return append(dst, "nonsense"...)
				}
				return append(dst, request...)
			})
			if !keyed {
				p.Match = nil
			}
			noEcho := errors.New("no echo")
			p.Check = func(request, response []byte) error {
				if string(request) != string(response) {
					return noEcho
				}
				return nil
			}
			p.Timeout = 50 * ms
			samples := run(t, p, measure.Limit(measure.Regular(100*ms), 3, 0))
			checkClasses(t, samples, measure.Answered, measure.Wrong, measure.Answered)
			if samples[1].Err != noEcho || string(samples[1].Response) != "nonsense" {
				t.Errorf("keyed %v: response %q, error %v", keyed, samples[1].Response, samples[1].Err)
			}
		})
	}
}

// While several requests are in flight, a datagram that matches none of them belongs to the only one
// for which no datagram has arrived. If there are several such requests, it belongs to none.
func TestRunWrongInFlight(t *testing.T) {
	const lost, wrong, answered = measure.Lost, measure.Wrong, measure.Answered
	for name, tt := range map[string]struct {
		every, timeout, delay time.Duration
		want                  []measure.Class
		unexpected            int
	}{
		"apart":     {100 * ms, 100 * ms, ms, []measure.Class{wrong, answered, wrong, wrong}, 3},
		"in flight": {10 * ms, 100 * ms, ms, []measure.Class{wrong, answered, wrong, wrong}, 3},
		"long way":  {10 * ms, 100 * ms, 12 * ms, []measure.Class{lost, answered, lost, lost}, 3},
	} {
		inBubble(t, arrive(tt.delay), func(t *testing.T, n *ohcetest.Network, p *measure.Prober) {
			p.Addr, p.Timeout = "192.0.2.8:3000", tt.timeout
			n.NewPeer(p.Addr, func(dst, request []byte) []byte {
				if string(request) == "2" {
					return append(dst, request...)
				}
				return append(dst, "nonsense"...)
			})
			samples := run(t, p, measure.Limit(measure.Regular(tt.every), len(tt.want), 0))
			if got := classes(samples); !slices.Equal(got, tt.want) {
				t.Errorf("%s: the classes are %v, want %v", name, got, tt.want)
			}
			if got := p.Counts().Unexpected; got != tt.unexpected {
				t.Errorf("%s: %d unexpected datagrams, want %d", name, got, tt.unexpected)
			}
			for _, s := range samples {
				if s.Class == wrong && (s.Err == nil || string(s.Response) != "nonsense") {
					t.Errorf("%s: response %q, error %v", name, s.Response, s.Err)
				}
			}
		})
	}
}

// A closed loop sends a request when one has ended.
func TestRunClosed(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 200 * ms, 4: 50 * ms} {
		inBubble(t, arrive(5*ms), func(t *testing.T, _ *ohcetest.Network, p *measure.Prober) {
			p.Closed = n
			begun := time.Now()
			samples := run(t, p, measure.Limit(measure.Regular(0), 20, 0))
			for _, s := range samples {
				if s.Class != measure.Answered || s.Lag != 0 || s.Latency != 10*ms {
					t.Errorf("closed loop of %d: %v", n, s)
				}
			}
			if took := time.Since(begun); took != want {
				t.Errorf("closed loop of %d: it took %v, want %v", n, took, want)
			}
		})
	}
}

func TestRunRefused(t *testing.T) {
	inBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, p *measure.Prober) {
		p.Addr = "192.0.2.8:3000"
		begun := time.Now()
		samples := run(t, p, measure.Limit(measure.Regular(100*ms), 3, 0))
		checkClasses(t, samples, measure.Refused, measure.Refused, measure.Refused)
		if took := time.Since(begun); took != 201*ms {
			t.Errorf("it took %v, want 201ms", took)
		}
	})
}

// If no socket can be opened, the requests are own failures, and the next one is tried at its time.
func TestRunUnsent(t *testing.T) {
	inBubble(t, arrive(ms), func(t *testing.T, n *ohcetest.Network, p *measure.Prober) {
		dials := 0
		p.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials++; dials <= 2 {
				return nil, errors.New("no descriptor")
			}
			return n.Dial(ctx, network, address)
		}
		samples := run(t, p, measure.Limit(measure.Regular(100*ms), 4, 0))
		checkClasses(t, samples, measure.Unsent, measure.Unsent, measure.Answered, measure.Answered)
	})
}

// The end of the context ends the wait for the next due time, and so does the end of the loop.
func TestRunEnds(t *testing.T) {
	inBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, p *measure.Prober) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*ms)
		defer cancel()
		begun := time.Now()
		samples := 0
		for _, err := range p.Run(ctx, measure.Regular(time.Hour)) {
			if err == nil {
				samples++
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Run ended with %v", err)
			}
		}
		if took := time.Since(begun); took != 30*ms || samples != 1 {
			t.Errorf("%d samples after %v", samples, took)
		}
		for range p.Run(t.Context(), measure.Regular(time.Hour)) {
			break
		}
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("the loop took %v to end", took)
		}
	})
}
