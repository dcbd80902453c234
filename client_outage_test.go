package ohce_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/ohcetest"
)

// outageAt returns a network that loses all datagrams for length, starting at from after its first
// datagram.
func outageAt(from, length time.Duration) func(ohcetest.Datagram) []ohcetest.Arrival {
	var begun time.Time
	return func(d ohcetest.Datagram) []ohcetest.Arrival {
		if begun.IsZero() {
			begun = time.Now()
		}
		if at := time.Since(begun); at >= from && at < from+length {
			return nil
		}
		return after(time.Millisecond)(d)
	}
}

// TestStreamOutage checks that an outage shorter than Patience delays a stream but fails no
// request.
func TestStreamOutage(t *testing.T) {
	n := testsize.Pick(50_000, 10_000)
	for _, length := range []time.Duration{
		100 * time.Millisecond, 1100 * time.Millisecond, 2500 * time.Millisecond, 9 * time.Second,
	} {
		for name, match := range map[string]*ohce.Matcher{
			"shared socket": ohce.MatchExact(reversed), "a socket each": nil,
		} {
			t.Run(fmt.Sprint(length, " ", name), func(t *testing.T) {
				count := n
				if match == nil {
					count /= 10
				}
				inMemory(t, outageAt(8*time.Millisecond, length), func(t *testing.T, c *ohce.Client) {
					c.Match = match
					begun := time.Now()
					if answered := runStream(t, c, count); answered != count {
						t.Errorf("%d of %d answered", answered, count)
					}
					if took := time.Since(begun); took < length || took > length+6*time.Second {
						t.Errorf("the stream took %v with an outage of %v", took, length)
					}
				})
			})
		}
	}
}

// TestStreamPatience checks that a stream waits for Patience when the server stops answering for
// good, and then fails the remaining requests fast.
func TestStreamPatience(t *testing.T) {
	for _, tt := range []struct {
		patience, least, most time.Duration
	}{
		{0, 10 * time.Second, 13 * time.Second},
		{3 * time.Second, 3 * time.Second, 6 * time.Second},
		// A request that was lost before the last response does not open the circuit. The next one may
		// be sent when it fails, 1.5 s later, and takes a whole schedule, too.
		{-1, 1500 * time.Millisecond, 3100 * time.Millisecond},
	} {
		t.Run(fmt.Sprint(tt.patience), func(t *testing.T) {
			network := outageAt(8*time.Millisecond, time.Hour)
			inMemory(t, network, func(t *testing.T, c *ohce.Client) {
				c.Patience = tt.patience
				n := testsize.Pick(100_000, 20_000)
				begun := time.Now()
				answered := runStream(t, c, n)
				if took := time.Since(begun); took < tt.least || took > tt.most {
					t.Errorf("the stream took %v, want %v to %v", took, tt.least, tt.most)
				}
				if st := checkExchanges(t, c, answered); answered == 0 || st.Down != uint64(n-answered) {
					t.Errorf("%d answered, stats %+v, want all others down", answered, st)
				}
			})
		})
	}
}

// TestStreamOneUnansweredRequest checks that a request without a response fails at the end of its
// schedule if the server answers other requests.
func TestStreamOneUnansweredRequest(t *testing.T) {
	inMemory(t, func(d ohcetest.Datagram) []ohcetest.Arrival {
		if string(d.Data) == "request 7" {
			return nil
		}
		return after(time.Millisecond)(d)
	}, func(t *testing.T, c *ohce.Client) {
		requests := func(yield func([]byte) bool) {
			for request := range numbered(200) {
				if !yield(request) {
					return
				}
				time.Sleep(10 * time.Millisecond) // in synctest time
			}
		}
		for r, err := range c.Stream(t.Context(), requests) {
			var op *ohce.OpError
			switch {
			case err != nil:
				t.Fatal(err)
			case r.Index != 7 && r.Err != nil:
				t.Errorf("result %d: %v", r.Index, r.Err)
			case r.Index == 7 && (!errors.As(r.Err, &op) || op.Elapsed != 1500*time.Millisecond):
				t.Errorf("result 7: %v, want ErrServerDown after 1.5s", r.Err)
			}
		}
	})
}

// TestStreamOutageWithSmallWindow checks that a stream survives an outage with few requests in
// flight.
func TestStreamOutageWithSmallWindow(t *testing.T) {
	for _, n := range []int{1, 2, 4, 7} {
		inMemory(t, outageAt(30*time.Millisecond, 5*time.Second), func(t *testing.T, c *ohce.Client) {
			c.MaxInFlight = n
			if answered := runStream(t, c, 2000); answered != 2000 {
				t.Errorf("%d in flight: %d of 2000 answered", n, answered)
			}
		})
	}
}
