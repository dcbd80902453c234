package measure_test

import (
	"context"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

func ExampleProber() {
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	}))
	defer srv.Close()
	p := &measure.Prober{
		Addr: srv.Addr, Match: ohce.MatchExact(flip.Append),
		Request: func(dst []byte, n int) []byte { return fmt.Appendf(dst, "request %d", n) },
	}
	var sum measure.Summary
	due := measure.Limit(measure.Regular(time.Millisecond), 20, 0)
	for sample, err := range p.Run(context.Background(), due) {
		if err != nil {
			log.Fatal(err)
		}
		sum.Add(sample)
	}
	sum.SetCounts(p.Counts())
	fmt.Println(sum.Answered, "of", sum.Sent(), "answered,", sum.RTT().Median > 0)
	// Output: 20 of 20 answered, true
}

func ExampleRegular() {
	fmt.Println(slices.Collect(measure.Limit(measure.Regular(500*time.Millisecond), 3, 0)))
	// Output: [0s 500ms 1s]
}

func ExamplePoisson() {
	n := 0
	for range measure.Limit(measure.Poisson(100, 1), 0, time.Minute) {
		n++
	}
	fmt.Println(n, "requests in a minute, about 6000")
	// Output: 6005 requests in a minute, about 6000
}

func ExampleSteps() {
	due := measure.Steps(
		measure.Step{Rate: 2, Duration: time.Second}, measure.Step{Rate: 4, Duration: time.Second})
	fmt.Println(slices.Collect(due))
	// Output: [0s 500ms 1s 1.25s 1.5s 1.75s]
}

func ExampleSummary() {
	var sum measure.Summary
	sum.Add(measure.Sample{Class: measure.Answered, RTT: 2 * time.Millisecond})
	sum.Add(measure.Sample{Class: measure.Answered, RTT: 4 * time.Millisecond})
	sum.Add(measure.Sample{Class: measure.Lost})
	fmt.Printf("%d sent, %.1f %% lost, round trip at most %v\n", sum.Sent(), sum.LossPercent(), sum.RTT().Max)
	// Output: 3 sent, 33.3 % lost, round trip at most 4ms
}

func ExampleLoad() {
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	}))
	defer srv.Close()
	l := &measure.Load{
		Addr: srv.Addr, Match: ohce.MatchExact(flip.Append),
		Request: func(dst []byte, n int) []byte { return fmt.Appendf(dst, "request %d", n) },
	}
	due := measure.Steps(measure.Step{Rate: 1000, Duration: 100 * time.Millisecond})
	report, err := l.Run(context.Background(), due)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Answered, "of", report.Asked, "answered,", report.Latency.P99 > 0)
	// Output: 100 of 100 answered, true
}

func ExampleRamp() {
	for due := range measure.Limit(measure.Ramp(0, 8, time.Second), 3, 0) {
		fmt.Println(due)
	}
	// Output:
	// 0s
	// 500ms
	// 707.106781ms
}

func ExampleLimit() {
	every := measure.Regular(500 * time.Millisecond)
	fmt.Println(slices.Collect(measure.Limit(every, 10, 2*time.Second)))
	// Output: [0s 500ms 1s 1.5s]
}

func ExampleRateSearch() {
	search := &measure.RateSearch{Start: 1000, Precision: 0.01}
	for rate, ok := search.Next(); ok; rate, ok = search.Next() {
		result := measure.TrialTooHigh // run a trial here
		if rate <= 12_345 {
			result = measure.TrialWithin
		}
		search.Observe(result)
	}
	fmt.Printf("between %.0f and %.0f requests a second\n", search.Lower, search.Upper)
	// Output: between 12338 and 12405 requests a second
}

func ExampleRateLimits_Judge() {
	limits := measure.RateLimits{Loss: 0.001, P99: 10 * time.Millisecond}
	report := &measure.Report{Asked: 2000, Sent: 2000, Answered: 1900, Trustworthy: true}
	fmt.Println(limits.Judge(report))
	// This machine sent a fifth of the requests late. They may have been lost for that reason.
	report.Own.Missed, report.Trustworthy = 400, false
	fmt.Println(limits.Judge(report))
	// Output:
	// too high
	// unclear
}

func ExampleDistribution() {
	var sum measure.Summary
	for rtt := range 100 {
		sum.Add(measure.Sample{RTT: time.Duration(rtt+1) * time.Millisecond})
	}
	fmt.Println(sum.RTT().Min, sum.RTT().Median.Round(time.Millisecond), sum.RTT().Max)
	// Output: 1ms 50ms 100ms
}

func ExampleNewDirectionReport() {
	// The server counted 95 of 100 requests and sent 95 responses, of which 90 arrived.
	before := measure.ServerCounts{Received: 7, Responded: 7}
	after := measure.ServerCounts{Received: 102, Responded: 102}
	if d, ok := measure.NewDirectionReport(100, 90, before, after); ok {
		fmt.Println(d)
	}
	// Output:
	// 5 requests lost on the way, 5 responses lost on the way
}
