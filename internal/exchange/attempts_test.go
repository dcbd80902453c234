package exchange

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/testsize"
)

const ms = time.Millisecond

// exactMatcher is the Matcher of a server that returns the request.
func exactMatcher() *Matcher {
	return &Matcher{RequestKey: func(dst, request []byte) []byte { return append(dst, request...) }}
}

func noneLost(t *testing.T) func(uint64) {
	return func(n uint64) { t.Errorf("request %d was lost", n) }
}

// send adds a request and sends it at once.
func send(a *SingleAttempts, at time.Duration, text string) uint64 {
	n := a.Add(at, []byte(text))
	a.Sent(at, n+1)
	return n
}

func TestSingleAttempts(t *testing.T) {
	a := NewSingleAttempts(exactMatcher(), 100*ms, 8)
	for i := range 3 {
		if n := a.Add(time.Duration(i)*10*ms, fmt.Append(nil, "text ", i)); n != uint64(i) {
			t.Errorf("request %d has number %d", i, n)
		}
		a.Sent(time.Duration(i)*10*ms+ms, uint64(i)+1)
	}
	var lost []uint64
	receive := func(at time.Duration, text string) Arrival {
		return a.Received(at, []byte(text), func(n uint64) { lost = append(lost, n) })
	}
	for i, tt := range []struct {
		at      time.Duration
		text    string
		want    Arrival
		pending int
	}{
		{50 * ms, "text 1", Arrival{Answered: true, Number: 1, Due: 10 * ms, Sent: 11 * ms}, 2},
		{51 * ms, "text 1", Arrival{Reason: Duplicate, Number: 1, Due: 10 * ms, Sent: 11 * ms}, 2},
		{52 * ms, "text 9", Arrival{Reason: Unexpected}, 2},
		{60 * ms, "text 0", Arrival{Answered: true, Reordered: true, Sent: ms}, 1},
		{121 * ms, "text 2", Arrival{Reason: Late, Number: 2, Due: 20 * ms, Sent: 21 * ms}, 0},
		{122 * ms, "text 2", Arrival{Reason: Duplicate, Number: 2, Due: 20 * ms, Sent: 21 * ms}, 0},
	} {
		if got := receive(tt.at, tt.text); got != tt.want || a.Pending() != tt.pending {
			t.Errorf("%d: %+v with %d pending, want %+v with %d", i, got, a.Pending(), tt.want, tt.pending)
		}
	}
	if len(lost) != 1 || lost[0] != 2 {
		t.Errorf("lost %v, want 2", lost)
	}
}

// A request expires after the timeout from its transmission, not from its due time.
func TestSingleAttemptsDeadline(t *testing.T) {
	a := NewSingleAttempts(exactMatcher(), 100*ms, 8)
	if _, ok := a.Deadline(); ok {
		t.Error("there is a deadline without a request")
	}
	a.Add(0, []byte("a"))
	if _, ok := a.Deadline(); ok {
		t.Error("a queued request has a deadline")
	}
	a.Sent(30*ms, 1)
	if at, ok := a.Deadline(); at != 130*ms || !ok {
		t.Errorf("deadline %v, %v, want 130ms", at, ok)
	}
	a.Expire(130*ms-1, noneLost(t))
	lost := 0
	a.Expire(130*ms, func(uint64) { lost++ })
	if lost != 1 || a.Pending() != 0 {
		t.Errorf("%d lost, %d pending", lost, a.Pending())
	}
}

// Requests that were not sent and requests that the network rejected have ended.
func TestSingleAttemptsEnds(t *testing.T) {
	a := NewSingleAttempts(exactMatcher(), 100*ms, 8)
	for _, text := range []string{"a", "b", "c"} {
		a.Add(0, []byte(text))
	}
	a.NotSent(1)
	a.Sent(ms, 3)
	if got := a.Received(2*ms, []byte("b"), noneLost(t)); got.Answered || got.Reason != Unexpected {
		t.Errorf("response to a request that was not sent: %+v", got)
	}
	a.Add(2*ms, []byte("d"))
	if n := a.Unreachable(); n != 2 || a.Pending() != 1 {
		t.Errorf("%d requests ended and %d pending, want 2 and the queued one", n, a.Pending())
	}
	a.Sent(3*ms, 4)
	if got := a.Received(4*ms, []byte("d"), noneLost(t)); !got.Answered || got.Number != 3 {
		t.Errorf("response to the queued request: %+v", got)
	}
}

// Equal requests are answered in their order.
func TestSingleAttemptsEqualRequests(t *testing.T) {
	a := NewSingleAttempts(exactMatcher(), 100*ms, 4)
	for round := range 10 {
		at := time.Duration(round) * ms
		first := send(a, at, "same")
		send(a, at, "same")
		for i := range uint64(2) {
			if got := a.Received(at, []byte("same"), noneLost(t)); !got.Answered || got.Number != first+i {
				t.Fatalf("round %d: %+v, want request %d", round, got, first+i)
			}
		}
		if got := a.Received(at, []byte("same"), noneLost(t)); got.Reason != Duplicate {
			t.Fatalf("round %d: %+v, want a duplicate", round, got)
		}
	}
	if n := a.Ambiguous(); n != 10 {
		t.Errorf("%d requests were equal to one in flight, want 10", n)
	}
}

// If the oldest remembered request is in flight, there is no room.
func TestSingleAttemptsFull(t *testing.T) {
	a := NewSingleAttempts(exactMatcher(), 100*ms, 4)
	for i := range 4 {
		if a.Full() {
			t.Fatalf("full with %d requests", i)
		}
		send(a, 0, fmt.Sprint(i))
	}
	if !a.Full() {
		t.Error("not full with 4 requests in flight")
	}
	a.Received(ms, []byte("1"), noneLost(t))
	if !a.Full() {
		t.Error("not full with the oldest request in flight")
	}
	a.Received(ms, []byte("0"), noneLost(t))
	if a.Full() {
		t.Error("full with the oldest request answered")
	}
}

// A model that keeps every key compares its results with those of SingleAttempts over random
// sequences, in which keys repeat, responses are lost, late, duplicate and out of order.
func TestSingleAttemptsAgainstModel(t *testing.T) {
	for seed := range uint64(testsize.Pick(50, 10)) {
		random := rand.New(rand.NewPCG(seed, 0))
		keys := uint32(1 + random.IntN(200)) // few keys repeat often
		a := NewSingleAttempts(exactMatcher(), 50*ms, 64)
		m := &attemptModel{}
		var now time.Duration
		for range 5000 {
			now += time.Duration(random.IntN(3)) * ms
			key := binary.LittleEndian.AppendUint32(nil, random.Uint32N(keys))
			if random.IntN(2) == 0 && !a.Full() {
				send(a, now, string(key))
				m.send(now, string(key))
				continue
			}
			got := a.Received(now, key, func(uint64) {})
			want := m.receive(now, string(key), a.next, uint64(len(a.ring)))
			if !want.Answered {
				got.Number, got.Due, got.Sent = 0, 0, 0
				if m.repeated(string(key)) {
					got.Reason = want.Reason // equal requests cannot be distinguished
				}
			}
			if got != want {
				t.Fatalf("seed %d at %v: %+v, want %+v", seed, now, got, want)
			}
		}
	}
}

// An attemptModel does what SingleAttempts does, at the cost of time and memory.
type attemptModel struct {
	byNumber []*modelAttempt
	highest  uint64
}

type modelAttempt struct {
	key      string
	at       time.Duration
	answered bool
}

func (m *attemptModel) send(at time.Duration, key string) {
	m.byNumber = append(m.byNumber, &modelAttempt{key: key, at: at})
}

func (m *attemptModel) repeated(key string) bool {
	n := 0
	for _, r := range m.byNumber {
		if r.key == key {
			n++
		}
	}
	return n > 1
}

func (m *attemptModel) receive(at time.Duration, key string, next, remembered uint64) Arrival {
	reason := Unexpected
	for n, r := range m.byNumber {
		if r.key != key || uint64(n)+remembered < next {
			continue
		}
		switch {
		case r.answered:
			reason = Duplicate
		case at >= r.at+50*ms:
			reason = Late
		default:
			r.answered = true
			reordered := uint64(n)+1 < m.highest
			m.highest = max(m.highest, uint64(n)+1)
			return Arrival{Answered: true, Reordered: reordered, Number: uint64(n), Due: r.at, Sent: r.at}
		}
		if reason == Late {
			r.answered = true // a further response is a duplicate
		}
	}
	return Arrival{Reason: reason}
}

// Without a matcher, requests are found by their number. Numbers can be skipped, also while the
// request in the same place is in flight.
func TestSingleAttemptsByNumber(t *testing.T) {
	a := NewSingleAttempts(nil, 100*ms, 4)
	for n := range uint64(4) {
		if n == 2 {
			a.Skip()
			continue
		}
		if got := a.Add(time.Duration(n)*ms, nil); got != n {
			t.Errorf("request %d has number %d", n, got)
		}
		a.Sent(time.Duration(n)*ms, n+1)
	}
	if !a.Full() {
		t.Error("not full with request 0 in flight")
	}
	a.Skip() // number 4, in the place of request 0
	for _, tt := range []struct {
		n    uint64
		want Arrival
	}{
		{3, Arrival{Answered: true, Number: 3, Due: 3 * ms, Sent: 3 * ms}},
		{1, Arrival{Answered: true, Reordered: true, Number: 1, Due: ms, Sent: ms}},
		{1, Arrival{Reason: Duplicate, Number: 1, Due: ms, Sent: ms}},
		{2, Arrival{Reason: Unexpected}},
		{4, Arrival{Reason: Unexpected}},
		{1 << 40, Arrival{Reason: Unexpected}},
	} {
		if got := a.ReceivedNumber(10*ms, tt.n, noneLost(t)); got != tt.want {
			t.Errorf("response to %d: %+v, want %+v", tt.n, got, tt.want)
		}
	}
	a.Add(50*ms, nil) // number 5, in the place of request 1
	a.Sent(50*ms, 6)
	if got := a.ReceivedNumber(60*ms, 1, noneLost(t)); got.Reason != Unexpected {
		t.Errorf("response to a forgotten request: %+v", got)
	}
	var lost []uint64
	a.Expire(time.Second, func(n uint64) { lost = append(lost, n) })
	if fmt.Sprint(lost) != "[0 5]" || a.Pending() != 0 {
		t.Errorf("lost %v and %d pending, want 0 and 5 lost", lost, a.Pending())
	}
}

func BenchmarkSingleAttempts(b *testing.B) {
	for _, inFlight := range []int{64, 4096, 65536} {
		b.Run(fmt.Sprint(inFlight, " in flight"), func(b *testing.B) {
			a := NewSingleAttempts(exactMatcher(), time.Hour, 2*inFlight)
			request, response := make([]byte, 64), make([]byte, 64)
			n := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				binary.LittleEndian.PutUint64(request, n)
				a.Add(time.Duration(n), request)
				if n++; n%16 == 0 {
					a.Sent(time.Duration(n), n)
				}
				if n <= uint64(inFlight) {
					continue
				}
				binary.LittleEndian.PutUint64(response, n-uint64(inFlight)-1)
				if got := a.Received(time.Duration(n), response, nil); !got.Answered {
					b.Fatalf("%+v", got)
				}
			}
		})
	}
}

func BenchmarkSingleAttemptsByNumber(b *testing.B) {
	const inFlight = 4096
	a := NewSingleAttempts(nil, time.Hour, 1<<17)
	n := uint64(0)
	for b.Loop() {
		a.Add(time.Duration(n), nil)
		if n++; n%16 == 0 {
			a.Sent(time.Duration(n), n)
		}
		if n > inFlight {
			if got := a.ReceivedNumber(time.Duration(n), n-inFlight-1, nil); !got.Answered {
				b.Fatalf("%+v", got)
			}
		}
	}
}
