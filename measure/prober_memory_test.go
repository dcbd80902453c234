package measure_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

// maxGrowth is how much the heap may grow in a long measurement, in bytes. A list with an entry of
// one word for each request grows by more.
const maxGrowth = 64 << 10

// TestRunTwelveHours checks that the memory of a measurement does not grow with the number of
// requests: a request a second for twelve hours of simulated time, or four in its short form. The
// network loses, delays, doubles and reorders a part of them. The heap after one hour is the base
// line: then the lists of requests that have ended have their largest size.
func TestRunTwelveHours(t *testing.T) {
	for _, keyed := range []bool{true, false} {
		name := "a port for each request"
		if keyed {
			name = "a shared port"
		}
		t.Run(name, func(t *testing.T) { testRunTwelveHours(t, keyed) })
	}
}

func testRunTwelveHours(t *testing.T, keyed bool) {
	const perHour = 3600
	const phase = 60 // requests; the heap is smallest when no socket is open
	requests := testsize.Pick(12, 4) * perHour
	n := 0
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		n++
		arrival := func(after time.Duration) ohcetest.Arrival {
			return ohcetest.Arrival{After: after, Datagram: d}
		}
		switch {
		case n%20 == 0:
			return nil
		case n%21 == 0: // after the response to the next request
			return []ohcetest.Arrival{arrival(1500 * ms)}
		case n%22 == 0: // after the time-out
			return []ohcetest.Arrival{arrival(2500 * ms)}
		case n%23 == 0:
			return []ohcetest.Arrival{arrival(ms), arrival(3 * ms)}
		default:
			return []ohcetest.Arrival{arrival(ms)}
		}
	}
	inBubble(t, link, func(t *testing.T, network *ohcetest.Network, p *measure.Prober) {
		p.Timeout = 2 * time.Second
		p.Addr = "192.0.2.8:3000" // a Peer would keep all requests
		server := network.StartServer(&ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
			w.Write(r.Data)
		})}, p.Addr)
		defer server.Close()
		if !keyed {
			p.Match = nil
		}
		var sum measure.Summary
		var begin, end smallest
		for s, err := range p.Run(t.Context(), measure.Limit(measure.Regular(time.Second), requests, 0)) {
			if err != nil {
				t.Fatal(err)
			}
			sum.Add(s)
			switch s.Number / phase {
			case perHour / phase:
				begin.add(heap())
			case requests/phase - 1:
				end.add(heap())
			}
		}
		t.Logf("%d requests: %d bytes after one hour, %d at the end", requests, begin, end)
		if growth := int64(end) - int64(begin); growth > maxGrowth {
			t.Errorf("the heap grows by %d bytes, want at most %d", growth, maxGrowth)
		}
		sum.SetCounts(p.Counts())
		if sum.Sent() != requests || sum.Lost == 0 || sum.Late == 0 || sum.Duplicates == 0 || sum.Reordered == 0 {
			t.Errorf("%+v", sum)
		}
	})
}

// smallest is the smallest of some sizes, in bytes. It is 0 if there are none.
type smallest uint64

func (s *smallest) add(size uint64) {
	if *s == 0 || size < uint64(*s) {
		*s = smallest(size)
	}
}

// heap returns the size of the live heap, in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first one moves the contents of each sync.Pool, the second one releases them
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
