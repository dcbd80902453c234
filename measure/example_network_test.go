package measure_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

func ExampleDialer() {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	d := &measure.Dialer{TTL: 3}
	c := &ohce.Client{Addr: srv.Addr, Dial: d.Dial}
	defer c.Close()
	resp, err := c.Exchange(context.Background(), []byte("Hello"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s within 3 hops\n", resp.Data)
	// Output: Hello within 3 hops
}

func ExamplePortProber() {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	p := &measure.PortProber{Addr: srv.Addr, First: 49_700, Ports: 3, Count: 2}
	var sum measure.PortSummary
	for sample, err := range p.Run(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		sum.Add(sample, "") // responses of this server do not say which backend they are from
	}
	failed := 0
	for _, port := range sum.Results() {
		if port.Outcome.Failed() {
			failed++
		}
	}
	fmt.Println(failed, "of", len(sum.Results()), "ports failed")
	// Output: 0 of 3 ports failed
}

func ExamplePathProber() {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	p := &measure.PathProber{
		Addr: srv.Addr,
		Request: func(dst []byte, n, size int) []byte {
			return append(dst, bytes.Repeat([]byte{byte(n)}, size)...)
		},
	}
	report, err := p.Run(context.Background())
	if errors.Is(err, errors.ErrUnsupported) {
		return // only Linux reports fragments
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("payload forward:", report.Payload(&report.Forward))
	fmt.Println("payload back:", report.Payload(&report.Return))
}

func ExampleCompare() {
	before, after := steady(1), steady(1.5) // reports of two runs
	changes, err := measure.Compare(before, after, []measure.Threshold{{Figure: "p99", Percent: 10}})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Printf("%s: %+.0f %%, %v\n", c.Figure, c.Change, c.Verdict)
	}
	// Output: p99: +50 %, worse
}

// steady returns the report of a run whose latencies vary by 2 % around a number of milliseconds.
func steady(millis float64) *measure.Report {
	var factors []float64
	for i := range 40 {
		factors = append(factors, millis*(1+0.01*float64(i%3-1)))
	}
	return runOf(factors)
}
