package exchange

import (
	"testing"
	"time"
)

// TestResponseBounds: a response that is longer than MaxResponse is ignored, and so is one that finds no
// room under MaxBytes, unless it is the one that the stream waits for.
func TestResponseBounds(t *testing.T) {
	counters := new(Counters)
	m := New(Config{
		Match: prefixMatcher(1), MaxBytes: 2000, MaxResponse: 1000, Counters: counters,
		Schedule: Schedule{Waits: []time.Duration{time.Second}},
	})
	now := time.Now()
	first, second := m.Submit(0, []byte("a")), m.Submit(1, []byte("b"))
	shared := openAll(m, m.Next(now))[0]
	m.Next(now)
	response := func(key byte, n int) []byte { return append([]byte{key}, make([]byte, n-1)...) }
	m.Received(now, shared, response('a', 1001), false)
	m.Received(now, shared, response('b', 1000), false)
	if oversize, overflow := counters.Ignored[Oversize].Load(), counters.Ignored[Overflow].Load(); first.done() ||
		second.done() || oversize != 1 || overflow != 1 {
		t.Errorf("%d oversize and %d overflow, want 1 and 1", oversize, overflow)
	}
	m.Received(now, shared, response('a', 1000), false)
	if first.Outcome != Answered {
		t.Errorf("the oldest request has outcome %d, want that it is answered", first.Outcome)
	}
	m.Pop()
	m.Received(now, shared, response('b', 1000), false)
	if second.Outcome != Answered {
		t.Errorf("the next request has outcome %d, want that it is answered", second.Outcome)
	}
}

// TestUnsentRequestIsNotAnswered: a datagram that arrives before a request has been sent is not the
// response to it.
func TestUnsentRequestIsNotAnswered(t *testing.T) {
	m := newMachine(Config{Match: echoMatcher()})
	now := time.Now()
	r := m.Submit(0, []byte("x"))
	shared := openAll(m, m.Next(now))[0]
	m.Received(now, shared, []byte("x"), false)
	if n := m.cfg.Counters.Ignored[Unexpected].Load(); r.done() || n != 1 {
		t.Errorf("outcome %d and %d unexpected datagrams, want a pending request and 1", r.Outcome, n)
	}
	if step := m.Next(now); len(step.Send) != 1 {
		t.Errorf("%d requests are sent, want 1", len(step.Send))
	}
}

// TestResponseBeforeTheLastAttempt: if a response had arrived when its request was sent again, its
// round-trip time counts from the attempt before.
func TestResponseBeforeTheLastAttempt(t *testing.T) {
	const wait = 100 * time.Millisecond
	m := New(Config{
		Match: echoMatcher(), MaxResponse: 100, Counters: new(Counters),
		Schedule: Schedule{Waits: []time.Duration{wait, wait}},
	})
	now := time.Now()
	r := m.Submit(0, []byte("x"))
	shared := openAll(m, m.Next(now))[0]
	m.Next(now)
	m.Expire(now.Add(wait))
	m.Next(now.Add(wait))
	m.Received(now.Add(90*time.Millisecond), shared, []byte("x"), false)
	if r.Attempt != 2 || r.RTT != 90*time.Millisecond {
		t.Errorf("round-trip time %v after attempt %d, want 90ms after 2", r.RTT, r.Attempt)
	}
}

// TestFirstSampleShortensDeadlines: when the first round-trip time is known, requests that were sent
// before do not wait for the initial retransmission timeout.
func TestFirstSampleShortensDeadlines(t *testing.T) {
	m := New(Config{
		Match: echoMatcher(), MaxResponse: 100, Counters: new(Counters),
		Schedule: Schedule{Budget: 10 * time.Second},
	})
	now := time.Now()
	m.Submit(0, []byte("x"))
	lost := m.Submit(1, []byte("y"))
	shared := openAll(m, m.Next(now))[0]
	m.Next(now)
	if lost.Wait < initialRTO {
		t.Fatalf("the first attempt waits %v, want at least %v", lost.Wait, initialRTO)
	}
	m.Received(now.Add(10*time.Millisecond), shared, []byte("x"), false)
	wake := m.Next(now.Add(10 * time.Millisecond)).Wake
	if after := wake.Sub(now); after < minRTO || after > 2*minRTO {
		t.Errorf("the next attempt is made after %v, want about %v", after, minRTO)
	}
}

// TestUnexpectedOfRequest: a datagram without a request counts for the only request in flight, but the
// late response to an earlier request does not.
func TestUnexpectedOfRequest(t *testing.T) {
	m := New(Config{
		Match: echoMatcher(), MaxResponse: 100, Counters: new(Counters),
		Schedule: Schedule{Waits: []time.Duration{time.Second}},
	})
	now := time.Now()
	m.Submit(0, []byte("first"))
	shared := openAll(m, m.Next(now))[0]
	m.Next(now)
	now = now.Add(2 * time.Second)
	m.Expire(now)
	m.Pop()
	r := m.Submit(1, []byte("second"))
	m.Next(now)
	m.Received(now, shared, []byte("first"), false)
	m.Received(now, shared, []byte("neither"), false)
	c := m.cfg.Counters
	if late := c.Ignored[Late].Load(); r.Unexpected != 1 || late != 1 {
		t.Errorf("%d unexpected datagrams and %d late ones, want 1 and 1", r.Unexpected, late)
	}
}
