package exchange

import (
	"testing"
	"time"
)

// TestHalfOpenSendsOne: requests that an open circuit has kept are not sent together when it becomes
// half-open.
func TestHalfOpenSendsOne(t *testing.T) {
	m := newMachine(Config{Match: echoMatcher(), Patience: 10 * time.Second})
	now := time.Now()
	m.Submit(0, []byte("x"))
	shared := openAll(m, m.Next(now))[0]
	m.Next(now)
	m.Received(now, shared, []byte("x"), false)
	now = now.Add(time.Millisecond)
	m.Failed(now, shared, errSocket, false)
	for i := range uint64(failureThreshold - 1) {
		m.Submit(i+1, []byte("x"))
		m.Failed(now, m.Next(now).Open[0], errSocket, false)
	}
	for i := range uint64(5) {
		m.Submit(i+failureThreshold, []byte("x"))
	}
	if step := m.Next(now); len(step.Open) != 0 {
		t.Errorf("%d sockets are opened while the circuit is open", len(step.Open))
	}
	now = now.Add(openTime)
	openAll(m, m.Next(now))
	if n := len(m.Next(now).Send); n != 1 {
		t.Errorf("%d requests are sent while the circuit is half-open, want 1", n)
	}
}

// TestRoomIsPaced: Room returns no more requests than pacing allows, and the time until it allows more.
func TestRoomIsPaced(t *testing.T) {
	const window = 1000
	m := newMachine(Config{Match: echoMatcher(), Window: Window{Min: window, Max: window}})
	now := time.Now()
	m.Submit(0, []byte("x"))
	shared := openAll(m, m.Next(now))[0]
	m.Next(now)
	now = now.Add(time.Second) // a round trip: 1,250 datagrams a second from here on
	m.Received(now, shared, []byte("x"), false)
	m.Next(now)
	n, _, _ := m.Room(now)
	if n != minBurst {
		t.Errorf("room for %d requests, want a burst of %d", n, minBurst)
	}
	for i := range n {
		m.Submit(uint64(i), []byte("x"))
	}
	m.Next(now)
	if n, _, delay := m.Room(now); n != 0 || delay <= 0 || delay > time.Millisecond {
		t.Errorf("room for %d requests after a burst, more after %v, want 0 and at most 1ms", n, delay)
	}
}

// TestCauseOfUntried: a socket that could not be opened is not the cause of requests that an open circuit
// ends after another socket has been opened.
func TestCauseOfUntried(t *testing.T) {
	m := newMachine(Config{Match: echoMatcher()})
	now := time.Now()
	m.Submit(0, []byte("x"))
	m.Failed(now, m.Next(now).Open[0], errSocket, false)
	for i := range uint64(failureThreshold - 1) {
		m.Submit(i+1, []byte("x"))
	}
	openAll(m, m.Next(now))
	m.Next(now)
	now = now.Add(time.Second)
	m.Expire(now)
	untried := m.Submit(failureThreshold, []byte("x"))
	m.Next(now)
	if untried.Outcome != Down || untried.Cause != ErrNotTried {
		t.Errorf("outcome %d with cause %v, want %d with %v", untried.Outcome, untried.Cause, Down, ErrNotTried)
	}
}

// TestRoomOfALargeWindow: a machine takes at most maxRequests requests, however large its window is.
func TestRoomOfALargeWindow(t *testing.T) {
	const window = 2 * maxRequests
	m := newMachine(Config{
		Match: echoMatcher(), MaxBytes: 1 << 30, Window: Window{Min: window, Max: window},
	})
	now := time.Now()
	for {
		n, _, _ := m.Room(now)
		if n == 0 {
			break
		}
		for range n {
			m.Submit(uint64(m.Len()), []byte("x"))
		}
		openAll(m, m.Next(now))
	}
	if m.Len() != 65_536 {
		t.Errorf("%d requests were taken, want 65,536", m.Len())
	}
}
