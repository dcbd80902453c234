package link_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ohce/ohce/link"
)

// A link loses, delays and duplicates datagrams, always in the same way for the same seed.
func ExampleLink() {
	l := &link.Link{Seed: 7, Up: link.Impairment{
		Loss:      link.RandomLoss(0.3),
		Delay:     link.Delay{Base: 20 * time.Millisecond, InOrder: true},
		Duplicate: 0.4,
	}}
	var arrivals []link.Arrival
	for i := range 5 {
		at := time.Duration(i) * time.Millisecond
		arrivals = l.PassUp(arrivals[:0], at, fmt.Appendf(nil, "request %d", i))
		fmt.Printf("%v:", at)
		for _, a := range arrivals {
			fmt.Printf(" %s arrives after %v;", a.Data, a.After)
		}
		fmt.Println()
	}
	up, _ := l.Stats()
	fmt.Printf("%d of %d lost, %d duplicated\n", up.Lost, up.Seen, up.Duplicated)
	// Output:
	// 0s: request 0 arrives after 20ms;
	// 1ms: request 1 arrives after 20ms; request 1 arrives after 20ms;
	// 2ms: request 2 arrives after 20ms;
	// 3ms: request 3 arrives after 20ms; request 3 arrives after 20ms;
	// 4ms:
	// 1 of 5 lost, 2 duplicated
}

// A schedule interrupts the link for a second.
func ExampleLink_schedule() {
	l := &link.Link{Schedule: []link.Phase{
		{At: 10 * time.Second, Up: link.Impairment{BlackHole: true}},
		{At: 11 * time.Second},
	}}
	for _, at := range []time.Duration{9 * time.Second, 10 * time.Second, 11 * time.Second} {
		fmt.Println(at, len(l.PassUp(nil, at, []byte("x"))))
	}
	// Output:
	// 9s 1
	// 10s 0
	// 11s 1
}

func ExampleImpairment_UnmarshalText() {
	var i link.Impairment
	if err := i.UnmarshalText([]byte("loss=10%,burst=4 delay=50ms±20ms")); err != nil {
		fmt.Println(err)
	}
	fmt.Println(i)
	fmt.Println(i.UnmarshalText([]byte("loss=130%")))
	// Output:
	// loss=10% burst=4 delay=50ms±20ms
	// loss is 130%: must be from 0% to 100%, or from 0 to 1
}

func ExampleImpairment_MarshalJSON() {
	text, err := json.Marshal(link.Impairment{
		MTU:  1500,
		Loss: link.Loss{Good: 0.01, Bad: 0.5, ToBad: 0.02, ToGood: 0.2},
		Rate: 10_000_000,
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(string(text))
	// Output:
	// {"mtu":1500,"loss_good":"1%","loss_bad":"50%","to_bad":"2%","to_good":"20%","rate":"10Mbit/s"}
}

func ExampleFindPreset() {
	p, ok := link.FindPreset("satellite")
	fmt.Println(p.Down, ok)
	// Output:
	// loss=0.5% rate=25Mbit/s queue=500 delay=290ms±10ms shape=normal in_order=true true
}

func ExampleStats_All() {
	l := &link.Link{Up: link.Impairment{MTU: 100}}
	l.PassUp(nil, 0, make([]byte, 50))
	l.PassUp(nil, 0, make([]byte, 80))
	up, _ := l.Stats()
	for name, n := range up.All() {
		if n > 0 {
			fmt.Println(name, n)
		}
	}
	// Output:
	// seen 2
	// delivered 1
	// too_long 1
}
