package measure_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

// loadInBubble calls f with a network and a load of numbered requests to an echo server at
// serverAddr.
func loadInBubble(t *testing.T, link func(ohcetest.Datagram) []ohcetest.Arrival,
	f func(t *testing.T, n *ohcetest.Network, l *measure.Load)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &ohcetest.Network{Link: link}
		n.NewPeer(serverAddr, echo)
		f(t, n, &measure.Load{
			Addr: serverAddr, Dial: n.Dial, Match: ohce.MatchExact(echo), Timeout: 100 * ms,
			Request: func(dst []byte, n int) []byte { return fmt.Appendf(dst, "%d", n) },
		})
	})
}

// number is a Load.Number for responses that are numbers.
func number(response []byte) (int, bool) {
	n, err := strconv.Atoi(string(response))
	return n, err == nil
}

// near reports whether a percentile is want, within its error of 0.1 %.
func near(got, want time.Duration) bool { return got >= want && got <= want+want/1000 }

// load runs a load.
func load(t *testing.T, l *measure.Load, due iter.Seq[time.Duration]) *measure.Report {
	t.Helper()
	r, err := l.Run(t.Context(), due)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// counts returns the counts of a report as text.
func counts(r *measure.Report) string {
	return fmt.Sprintf("asked %d, sent %d, answered %d, lost %d, late %d, wrong %d, refused %d, "+
		"unreachable %d, duplicates %d, reordered %d, unexpected %d, own %v", r.Asked, r.Sent, r.Answered,
		r.Lost, r.Late, r.Wrong, r.Refused, r.Unreachable, r.Duplicates, r.Reordered, r.Unexpected, r.Own)
}

// each returns a link that treats the response to request n, and nothing else, as f does.
func each(f func(n int, d ohcetest.Datagram) []ohcetest.Arrival) func(ohcetest.Datagram) []ohcetest.Arrival {
	return func(d ohcetest.Datagram) []ohcetest.Arrival {
		if d.To.String() == serverAddr {
			return []ohcetest.Arrival{{After: 5 * ms, Datagram: d}}
		}
		n := 0
		fmt.Sscan(string(d.Data), &n)
		return f(n, d)
	}
}

// TestLoad: every count and duration is known beforehand.
func TestLoad(t *testing.T) {
	const (
		answered = "asked 100, sent 100, answered 100, lost 0, late 0, wrong 0, refused 0, unreachable 0, " +
			"duplicates 0, reordered 0, unexpected 0, own {0 0 0}"
		impaired = "asked 100, sent 100, answered 71, lost 9, late 9, wrong 11, refused 0, unreachable 0, " +
			"duplicates 10, reordered 9, unexpected 11, own {0 0 0}"
	)
	tests := []struct {
		name string
		link func(n int, d ohcetest.Datagram) []ohcetest.Arrival
		want string
		max  time.Duration
	}{
		{"all answered", func(_ int, d ohcetest.Datagram) []ohcetest.Arrival {
			return []ohcetest.Arrival{{After: 5 * ms, Datagram: d}}
		}, answered, 10 * ms},
		// Of each ten: one lost, one late, one wrong, one twice, one after the next one.
		{"impaired", func(n int, d ohcetest.Datagram) []ohcetest.Arrival {
			normal := ohcetest.Arrival{After: 5 * ms, Datagram: d}
			switch {
			case n == 99 || n%10 == 3:
				d.Data = []byte("wrong")
				return []ohcetest.Arrival{{After: 5 * ms, Datagram: d}}
			case n%10 == 1 && n < 90:
				return nil
			case n%10 == 2 && n < 90:
				return []ohcetest.Arrival{{After: 150 * ms, Datagram: d}}
			case n%10 == 4:
				return []ohcetest.Arrival{normal, normal}
			case n%10 == 9:
				return []ohcetest.Arrival{{After: 20 * ms, Datagram: d}}
			}
			return []ohcetest.Arrival{normal}
		}, impaired, 25 * ms},
	}
	for _, tt := range tests {
		for i, clients := range []int{1, 3, 1, 3} {
			byNumber := i >= 2
			t.Run(fmt.Sprint(tt.name, " with ", clients, ", by number ", byNumber), func(t *testing.T) {
				loadInBubble(t, each(tt.link), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
					l.Clients = clients
					if byNumber {
						l.Match, l.Number = nil, number
					}
					want := tt.want
					if clients > 1 {
						// The requests of each client are too far apart to change places.
						want = string(bytes.Replace([]byte(want), []byte("reordered 9"), []byte("reordered 0"), 1))
					}
					r := load(t, l, measure.Limit(measure.Regular(10*ms), 100, 0))
					if got := counts(r); got != want {
						t.Errorf("%s\nwant %s", got, want)
					}
					if d := r.Latency; !near(d.Median, 10*ms) || d.Max != tt.max || d != r.Service {
						t.Errorf("latency %v, service time %v", d, r.Service)
					}
					if r.AskedRate != 100 || r.SentRate != 100 || r.Lag.Max != 0 || !r.Trustworthy {
						t.Errorf("%+v", r)
					}
				})
			})
		}
	}
}

// If the server stops for a second, the open loop reports the delay of all requests of that second.
// A closed loop sends only one request in this time.
func TestLoadStall(t *testing.T) {
	stalled := func(d ohcetest.Datagram) []ohcetest.Arrival {
		second := time.Now().UnixNano() % int64(10*time.Second)
		delay := max(time.Second-time.Duration(second), 0)
		if d.To.String() != serverAddr {
			delay = 0
		}
		return []ohcetest.Arrival{{After: delay + ms, Datagram: d}}
	}
	loadInBubble(t, stalled, func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.Timeout = 2 * time.Second
		open := load(t, l, measure.Limit(measure.Regular(10*ms), 0, 20*time.Second))
		if p := open.Latency.P99; p < 850*ms || p > 950*ms || open.Latency.P90 > 50*ms {
			t.Errorf("open loop: %v", open.Latency)
		}
		l.Closed, l.Duration = 1, 20*time.Second
		closed := load(t, l, measure.Regular(0))
		if !near(closed.Latency.P999, 2*ms) || !near(closed.Service.P999, 2*ms) || closed.Latency.Max < 900*ms {
			t.Errorf("closed loop: %v", closed.Latency)
		}
	})
}

// If this program stalls, Latency counts from the due times and Service does not, and the requests
// count as missed.
func TestLoadOwnStall(t *testing.T) {
	loadInBubble(t, arrive(3*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		request := l.Request
		l.Request = func(dst []byte, n int) []byte {
			if n == 50 {
				time.Sleep(80 * ms)
			}
			return request(dst, n)
		}
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 100, 0))
		if r.Own.Missed != 8 || r.Trustworthy || r.Lag.Max != 80*ms {
			t.Errorf("%d missed, lag %v, want 8 and at most 80ms", r.Own.Missed, r.Lag)
		}
		if r.Latency.Max != 86*ms || r.Service.Max != 6*ms {
			t.Errorf("latency at most %v and service time at most %v", r.Latency.Max, r.Service.Max)
		}
	})
}

// A request whose due time passed long ago is not sent.
func TestLoadSkips(t *testing.T) {
	loadInBubble(t, arrive(3*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		request := l.Request
		l.Request = func(dst []byte, n int) []byte {
			if n == 50 {
				time.Sleep(300 * ms) // the timeout is 100 ms
			}
			return request(dst, n)
		}
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 100, 0))
		if r.Asked != 100 || r.Sent != 81 || r.Answered != 81 || r.Own.Missed != 30 {
			t.Errorf("%s, want 19 not sent and 30 missed", counts(r))
		}
	})
}

func TestLoadClosed(t *testing.T) {
	for _, n := range []int{1, 4} {
		loadInBubble(t, arrive(5*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
			l.Closed, l.Clients = n, n
			begun := time.Now()
			r := load(t, l, measure.Limit(measure.Regular(0), 20*n, 0))
			if r.Answered != 20*n || r.Latency.Max != 10*ms || r.Own.Missed != 0 {
				t.Errorf("closed loop of %d: %s", n, counts(r))
			}
			if took := time.Since(begun); took != 200*ms {
				t.Errorf("closed loop of %d: it took %v, want 200ms", n, took)
			}
		})
	}
}

func TestLoadRefused(t *testing.T) {
	loadInBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.Addr = "192.0.2.8:3000"
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 10, 0))
		if r.Refused != 10 || r.Lost != 0 || r.LossPercent != 100 {
			t.Errorf("%s, loss %v %%", counts(r), r.LossPercent)
		}
	})
}

// Check decides whether a response is right.
func TestLoadCheck(t *testing.T) {
	loadInBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.Check = func(request, response []byte) error {
			if !bytes.Equal(request, response) {
				t.Errorf("Check got %q for %q", response, request)
			}
			if len(request) == 1 {
				return errors.New("short")
			}
			return nil
		}
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 20, 0))
		if r.Wrong != 9 || r.Answered != 11 || r.LossPercent != 45 {
			t.Errorf("%s, loss %v %%", counts(r), r.LossPercent)
		}
	})
}

// A response that Match.Accept rejects is wrong.
func TestLoadAccept(t *testing.T) {
	loadInBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.Match = &ohce.Matcher{
			RequestKey:  echo,
			ResponseKey: func(dst, response []byte) ([]byte, bool) { return append(dst, response...), true },
			Accept:      func(request, response []byte) bool { return len(request) == 2 && len(response) == 2 },
		}
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 20, 0))
		if r.Wrong != 9 || r.Answered != 11 {
			t.Errorf("%s", counts(r))
		}
	})
}

// With Segments, requests wait for up to 50 us for others that share their packet.
func TestLoadSegments(t *testing.T) {
	for segments, want := range map[bool]time.Duration{false: 0, true: 50 * time.Microsecond} {
		loadInBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
			l.Segments = segments
			r := load(t, l, measure.Limit(measure.Regular(10*time.Microsecond), 600, 0))
			if r.Lag.Max != want || r.Answered != 600 {
				t.Errorf("segments %v: lag at most %v, want %v; %s", segments, r.Lag.Max, want, counts(r))
			}
		})
	}
}

// A failingConn is a connection whose reads and writes fail at times.
type failingConn struct {
	net.Conn
	writes    int
	failWrite func(write int) error
	failRead  error // of the next read
}

func (c *failingConn) Write(b []byte) (int, error) {
	c.writes++
	if c.failWrite != nil {
		if err := c.failWrite(c.writes); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}

func (c *failingConn) Read(b []byte) (int, error) {
	if err := c.failRead; err != nil {
		c.failRead = nil
		return 0, err
	}
	return c.Conn.Read(b)
}

// Failures of this system are its own, and reports of the network are not.
func TestLoadFailures(t *testing.T) {
	for _, tt := range []struct {
		name string
		conn failingConn
		want string
	}{
		{"refused by the system", failingConn{failWrite: func(write int) error {
			if write%10 == 0 {
				return syscall.EPERM
			}
			return nil
		}}, "answered 18, lost 0, refused 0, unreachable 0, own {0 2 0}"},
		// The error belongs to an earlier datagram. The write is repeated once, and fails again.
		{"port unreachable", failingConn{failWrite: func(write int) error {
			if write == 10 || write == 11 {
				return ohce.ErrPortUnreachable
			}
			return nil
		}}, "answered 18, lost 0, refused 1, unreachable 0, own {0 1 0}"},
		{"host unreachable", failingConn{failRead: syscall.EHOSTUNREACH},
			"answered 19, lost 0, refused 0, unreachable 1, own {0 0 0}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loadInBubble(t, arrive(7*ms), func(t *testing.T, n *ohcetest.Network, l *measure.Load) {
				l.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					c, err := n.Dial(ctx, network, address)
					tt.conn.Conn = c
					return &tt.conn, err
				}
				begun := time.Now()
				r := load(t, l, measure.Limit(measure.Regular(10*ms), 20, 0))
				got := fmt.Sprintf("answered %d, lost %d, refused %d, unreachable %d, own %v", r.Answered, r.Lost,
					r.Refused, r.Unreachable, r.Own)
				if got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if took := time.Since(begun); took > 250*ms {
					t.Errorf("the load waited %v for requests that had ended", took)
				}
			})
		})
	}
}

// If too many requests are in flight, further ones are own failures.
func TestLoadMaxInFlight(t *testing.T) {
	for _, byNumber := range []bool{false, true} {
		testMaxInFlight(t, byNumber)
	}
}

func testMaxInFlight(t *testing.T, byNumber bool) {
	loadInBubble(t, arrive(47*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.MaxInFlight = 4
		if byNumber {
			l.Match, l.Number = nil, number
		}
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 20, 0))
		if r.Own.Refused != r.Asked-r.Sent || r.Sent != 8 || r.Answered != r.Sent {
			t.Errorf("%s", counts(r))
		}
	})
}

// If too many requests are in flight, a closed loop waits.
func TestLoadClosedMaxInFlight(t *testing.T) {
	lossy := each(func(n int, d ohcetest.Datagram) []ohcetest.Arrival {
		if n == 3 {
			return nil
		}
		return arrive(ms)(d)
	})
	for _, byNumber := range []bool{false, true} {
		loadInBubble(t, lossy, func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
			l.Closed, l.Duration, l.MaxInFlight = 2, time.Second, 4
			if byNumber {
				l.Match, l.Number = nil, number
			}
			r := load(t, l, measure.Regular(0))
			if r.Own.Refused != 0 || r.Asked != r.Sent || r.Lost != 1 || r.Sent < 300 {
				t.Errorf("by number %v: %s", byNumber, counts(r))
			}
		})
	}
}

// Wrong responses that all have the key of one request are neither duplicates nor late.
func TestLoadWrongKeys(t *testing.T) {
	loadInBubble(t, arrive(ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.Match = &ohce.Matcher{
			RequestKey:  echo,
			ResponseKey: func(dst, _ []byte) ([]byte, bool) { return append(dst, "5"...), true },
			Accept:      func(_, _ []byte) bool { return false },
		}
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 30, 0))
		if r.Wrong != 30 || r.Lost != 0 || r.Late != 0 || r.Duplicates != 0 {
			t.Errorf("%s", counts(r))
		}
	})
}

// Requests that are equal to one in flight are reported.
func TestLoadAmbiguous(t *testing.T) {
	loadInBubble(t, arrive(12*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.Request = func(dst []byte, n int) []byte { return append(dst, byte(n%4)) }
		if r := load(t, l, measure.Limit(measure.Regular(10*ms), 40, 0)); r.Ambiguous != 0 || r.Answered != 40 {
			t.Errorf("each fourth is equal: %s, %d ambiguous", counts(r), r.Ambiguous)
		}
		l.Request = func(dst []byte, n int) []byte { return append(dst, byte(n%2)) }
		if r := load(t, l, measure.Limit(measure.Regular(10*ms), 40, 0)); r.Ambiguous != 38 || r.Answered != 40 {
			t.Errorf("each second is equal: %s, %d ambiguous", counts(r), r.Ambiguous)
		}
	})
}

// Without Match, each request has a port of its own.
func TestLoadWithoutMatch(t *testing.T) {
	link := each(func(n int, d ohcetest.Datagram) []ohcetest.Arrival { return arrive(5 * ms)(d) })
	loadInBubble(t, link, func(t *testing.T, n *ohcetest.Network, l *measure.Load) {
		l.Match = nil
		l.Request = func(dst []byte, _ int) []byte { return append(dst, "same"...) }
		l.Interval = 100 * ms
		var intervals []measure.Interval
		l.OnInterval = func(i measure.Interval) { intervals = append(intervals, i) }
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 50, 0))
		if r.Answered != 50 || r.AskedRate != 100 || r.SentRate != 100 || r.Latency.Max != 10*ms {
			t.Errorf("%s, %+v", counts(r), r.Latency)
		}
		if len(intervals) != 5 || intervals[2].Sent != 10 || !slices.Equal(intervals, r.Intervals) {
			t.Errorf("intervals %+v", intervals)
		}
		l.Closed, l.Duration = 2, 200*ms
		if r := load(t, l, measure.Regular(0)); r.Answered < 38 || r.Answered > 40 {
			t.Errorf("closed loop: %s", counts(r))
		}
	})
}

// The intervals add up to the report, and are the same for OnInterval.
func TestLoadIntervals(t *testing.T) {
	loadInBubble(t, arrive(5*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		l.Clients, l.Interval = 3, 100*ms
		var seen []measure.Interval
		l.OnInterval = func(i measure.Interval) { seen = append(seen, i) }
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 0, time.Second))
		sent, answered := 0, 0
		for i, interval := range r.Intervals {
			sent, answered = sent+interval.Sent, answered+interval.Answered
			if interval.Begin.Duration() != time.Duration(i)*100*ms {
				t.Errorf("interval %d begins at %v", i, interval.Begin)
			}
		}
		if sent != 100 || answered != 100 || len(seen) != len(r.Intervals) || len(seen) < 10 {
			t.Errorf("%d sent and %d answered in %d intervals, %d of them seen", sent, answered,
				len(r.Intervals), len(seen))
		}
		if first := r.Intervals[0]; first.Sent != 10 || first.Latency.Median != 10*ms {
			t.Errorf("first interval %+v", first)
		}
	})
}

func TestLoadFails(t *testing.T) {
	l := &measure.Load{
		Match: ohce.MatchExact(echo), Addr: "127.0.0.1:0",
		Request: func(dst []byte, _ int) []byte { return dst },
	}
	dialed := errors.New("no socket")
	l.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, dialed }
	if r, err := l.Run(t.Context(), measure.Regular(ms)); r != nil || !errors.Is(err, dialed) {
		t.Errorf("Run = %v, %v", r, err)
	}
}

// Requests that are in flight when the run is interrupted are no loss.
func TestLoadInterrupted(t *testing.T) {
	loadInBubble(t, arrive(20*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		ctx, cancel := context.WithTimeout(t.Context(), 195*ms)
		defer cancel()
		r, err := l.Run(ctx, measure.Regular(10*ms))
		if err != nil {
			t.Fatal(err)
		}
		if r.InFlight == 0 || r.InFlight+r.Answered != r.Sent || r.LossPercent != 0 {
			t.Errorf("%d in flight, %s, loss %v %%", r.InFlight, counts(r), r.LossPercent)
		}
	})
}

// A report keeps its values as JSON, to the microsecond.
func TestReportJSON(t *testing.T) {
	loadInBubble(t, arrive(5*ms), func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		r := load(t, l, measure.Limit(measure.Regular(10*ms), 20, 0))
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again measure.Report
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		if data2, _ := json.Marshal(again); !bytes.Equal(data, data2) {
			t.Errorf("%s\nand after a round trip\n%s", data, data2)
		}
		if !bytes.Contains(data, []byte(`"latency_ms":{"min":10,"mean":10,"median":10,`)) {
			t.Errorf("%s", data)
		}
	})
}
