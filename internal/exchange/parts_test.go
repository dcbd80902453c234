package exchange

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	var q queue[int]
	var list []int
	for i := range 100_000 {
		if random.IntN(2) == 0 {
			q.push(i)
			list = append(list, i)
		} else if len(list) > 0 {
			if first, got := q.first(), q.pop(); first != list[0] || got != list[0] {
				t.Fatalf("first is %d and pop returned %d, want %d", first, got, list[0])
			}
			list = list[1:]
		}
		if q.len() != len(list) {
			t.Fatalf("length %d, want %d", q.len(), len(list))
		}
	}
}

// TestDeadlines compares the heap with a sorted list.
func TestDeadlines(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	var h deadlines
	var list []*Request
	for range 5000 {
		switch n := random.IntN(4); {
		case n < 2:
			r := &Request{deadline: time.Unix(0, random.Int64N(1000))}
			h.add(r)
			list = append(list, r)
		case n == 2 && len(list) > 0:
			at := random.IntN(len(list))
			h.remove(list[at])
			h.remove(list[at]) // no effect
			list = slices.Delete(list, at, at+1)
		case n == 3 && random.IntN(100) == 0:
			for _, r := range list {
				r.deadline = time.Unix(0, random.Int64N(1000))
			}
			h.init()
		}
		want := time.Time{}
		for _, r := range list {
			if want.IsZero() || r.deadline.Before(want) {
				want = r.deadline
			}
		}
		if !h.next().Equal(want) || len(h) != len(list) {
			t.Fatalf("next is %v of %d, want %v of %d", h.next(), len(h), want, len(list))
		}
	}
}

// TestTable compares the table with a simple list.
func TestTable(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	var table table
	table.init()
	var list []*Request
	for range 100_000 {
		key, port := []byte(strconv.Itoa(random.IntN(20))), Port(random.IntN(3))
		hash := table.hash(port, key)
		if random.IntN(10) == 0 {
			hash = 1 // force a collision
		}
		same := func(r *Request) bool {
			return r.hash == hash && r.Port == port && string(r.key) == string(key)
		}
		switch random.IntN(3) {
		case 0:
			r := &Request{Port: port, key: key, hash: hash}
			table.add(r)
			list = append(list, r)
		case 1:
			var want *Request
			if at := slices.IndexFunc(list, same); at >= 0 {
				want = list[at]
			}
			if got := table.find(hash, port, key); got != want {
				t.Fatalf("found %+v, want %+v, the oldest", got, want)
			}
		case 2:
			if len(list) == 0 {
				continue
			}
			at := random.IntN(len(list))
			table.remove(list[at])
			table.remove(list[at]) // no effect
			list = slices.Delete(list, at, at+1)
		}
		if table.len != len(list) {
			t.Fatalf("%d requests, want %d", table.len, len(list))
		}
	}
}

// TestEnded checks that the number of remembered exchanges is limited, and that duplicates, late
// responses and unexpected datagrams are distinguished.
func TestEnded(t *testing.T) {
	const limit, n = 1000, 10_000
	e := endedExchanges{limit: limit}
	now := time.Unix(1000, 0)
	for i := range uint64(n) {
		e.add(i, now, i%2 == 0)
	}
	e.add(n-limit, now.Add(time.Second), true) // once more
	if got := len(e.young) + len(e.old); got < limit || got > 2*limit {
		t.Errorf("%d remembered, want %d to %d", got, limit, 2*limit)
	}
	for hash, want := range map[uint64]Reason{0: Unexpected, n - limit + 1: Late, n - 1: Late, n - 2: Duplicate} {
		if got := e.reason(hash); got != want {
			t.Errorf("a datagram for exchange %d is ignored as %d, want %d", hash, got, want)
		}
	}
	for hash, want := range map[uint64]time.Time{
		0: {}, n - 1: now.Add(reuseDelay), n - limit: now.Add(time.Second + reuseDelay),
	} {
		if got := e.reuse(hash); !got.Equal(want) {
			t.Errorf("the key of exchange %d can be used again at %v, want %v", hash, got, want)
		}
	}
}

// TestEndedSlowly checks that a stream with few requests a second remembers each exchange for
// rememberedFor, and at most as many as end in twice that time.
func TestEndedSlowly(t *testing.T) {
	e := endedExchanges{limit: maxReserved}
	now := time.Unix(1000, 0)
	const perGeneration = uint64(rememberedFor / time.Second)
	for i := range uint64(12 * 3600) {
		e.add(i, now, false)
		if got := uint64(len(e.young) + len(e.old)); got > 2*perGeneration {
			t.Fatalf("after %d exchanges %d are remembered, want at most %d", i+1, got, 2*perGeneration)
		}
		if oldest := i - min(i, perGeneration); e.reason(oldest) != Late {
			t.Fatalf("exchange %d is forgotten at the end of %d", oldest, i)
		}
		now = now.Add(time.Second)
	}
	e.add(0, now.Add(time.Hour), true) // a pause makes no exchange young again
	e.add(1, now.Add(2*time.Hour), true)
	if got := len(e.young) + len(e.old); got != 2 {
		t.Errorf("after two pauses, %d are remembered, want 2", got)
	}
}

func TestScheduleWaits(t *testing.T) {
	s := Schedule{Waits: []time.Duration{10, 0, -5, 20}}
	if s.Attempts() != 4 {
		t.Errorf("%d attempts, want 4", s.Attempts())
	}
	for attempt, want := range []time.Duration{10, 0, 0, 20} {
		if got, ok := s.timeout(attempt+1, time.Hour, 1, 1, 2); !ok || got != want {
			t.Errorf("attempt %d waits %v, %v, want %v", attempt+1, got, ok, want)
		}
	}
	if _, ok := s.timeout(5, 0, 1, 1, 1); ok {
		t.Error("the schedule has a fifth attempt, want 4")
	}
	if (Schedule{}).Attempts() != 0 {
		t.Error("the zero schedule has attempts")
	}
}

// TestAdaptiveSchedule checks that the waits grow from the RTO and add up to the budget, and that
// each attempt leaves time for a response.
func TestAdaptiveSchedule(t *testing.T) {
	for _, rto := range []time.Duration{minRTO, 200 * time.Millisecond, initialRTO, 3 * time.Second} {
		s := Schedule{Budget: 1500 * time.Millisecond}
		var waits []time.Duration
		elapsed := time.Duration(0)
		for {
			wait, ok := s.timeout(len(waits)+1, elapsed, rto, rto/2, 1)
			if !ok {
				break
			}
			waits = append(waits, wait)
			elapsed += wait
		}
		if elapsed != s.Budget || len(waits) > s.Attempts() || waits[0] != min(rto, s.Budget) {
			t.Errorf("RTO %v: waits %v, sum %v, want %v, starting with %v", rto, waits, elapsed, s.Budget, rto)
		}
		for i := 1; i < len(waits)-1; i++ {
			if waits[i] < waits[i-1] || waits[i] > max(rto, s.Budget/maxWaitShare) {
				t.Errorf("RTO %v: waits %v, want them to grow up to %v", rto, waits, s.Budget/maxWaitShare)
			}
		}
	}
}

func TestEstimator(t *testing.T) {
	var e Estimator
	check := func(wantRTO, wantSRTT time.Duration) {
		t.Helper()
		if rto, srtt := e.Timeout(); rto != wantRTO || srtt != wantSRTT {
			t.Errorf("RTO %v and SRTT %v, want %v and %v", rto, srtt, wantRTO, wantSRTT)
		}
	}
	const ms = time.Millisecond
	check(time.Second, 0)
	e.Sample(100 * ms) // RFC 6298, rule 2.2: RTTVAR is half the sample
	check(300*ms, 100*ms)
	e.Sample(180 * ms) // rule 2.3: RTTVAR 3/4*50 + 1/4*80 ms, SRTT 7/8*100 + 1/8*180 ms
	check(340*ms, 110*ms)
	for range 200 {
		e.Sample(10 * ms)
	}
	if rto, _ := e.Timeout(); rto != minRTO {
		t.Errorf("RTO %v for a steady round trip of 10 ms, want the minimum %v", rto, minRTO)
	}
	e = Estimator{}
	e.Sample(0) // the clock is too coarse
	if _, srtt := e.Timeout(); srtt <= 0 {
		t.Error("after a sample of 0, the round-trip time counts as unknown")
	}
}

// TestPacer checks that over a second a Pacer allows 1.25 windows per round trip, in bursts of
// limited size.
func TestPacer(t *testing.T) {
	var p Pacer
	now := time.Unix(1000, 0)
	if n, delay := p.Allowed(now, 0, 64); n < 64 || delay != 0 {
		t.Errorf("%d allowed with a delay of %v before the round-trip time is known, want the largest window", n, delay)
	}
	p.Sent(64)
	const srtt, limit = 100 * time.Millisecond, 64
	end := now.Add(time.Second)
	sent, largest := 0, 0
	for now.Before(end) {
		n, delay := p.Allowed(now, srtt, limit)
		if (n == 0) == (delay == 0) {
			t.Fatalf("%d allowed with a delay of %v", n, delay)
		}
		sent += n
		largest = max(largest, n)
		p.Sent(n)
		now = now.Add(delay)
	}
	if want := 1.25 * 64 / 0.1; float64(sent) < want*0.98 || float64(sent) > want*1.05 || largest > minBurst {
		t.Errorf("%d sent in a second in bursts of up to %d, want %.0f and %d", sent, largest, want, minBurst)
	}
	now = now.Add(time.Hour)
	if n, _ := p.Allowed(now, srtt, limit); n != minBurst {
		t.Errorf("%d allowed after an hour, want %d", n, minBurst)
	}
}

func TestBreaker(t *testing.T) {
	now := time.Unix(1000, 0)
	b := Breaker{Patience: 10 * time.Second}
	state := func(want State) {
		t.Helper()
		if got := b.State(now); got != want {
			t.Errorf("state %d, want %d", got, want)
		}
	}
	fail := func(n int) {
		for range n {
			b.Failed(0, now.Add(-time.Second), now)
		}
	}
	state(Closed)
	fail(failureThreshold - 1)
	state(Closed)
	fail(1)
	state(Open)
	if b.ShouldPark(100, now, now) {
		t.Error("a request is parked although the server has never answered")
	}
	now = now.Add(openTime)
	state(HalfOpen)
	fail(1)
	state(Open)
	now = now.Add(openTime)
	b.Answered(now)
	state(Closed)

	// Failures do not count while the server answers other requests.
	fail(100)
	state(Closed)
	answered := now
	now = now.Add(2 * time.Second)
	if b.ShouldPark(failureThreshold-1, now, now) || !b.ShouldPark(failureThreshold, now, now) {
		t.Errorf("want an outage at exactly %d unanswered requests", failureThreshold)
	}
	if b.ShouldPark(100, answered, now) {
		t.Error("a request is parked although the server has answered since its last attempt")
	}
	if now = answered.Add(b.Patience); b.ShouldPark(100, now, now) || !b.PatienceEnd().Equal(now) {
		t.Error("the patience does not end")
	}
	for range failureThreshold {
		b.Failed(failureThreshold, answered.Add(-time.Second), now)
	}
	state(Open)
}
