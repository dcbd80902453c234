package exchange

import (
	"errors"
	"testing"
	"time"
)

var errSocket = errors.New("the socket has failed")

// newMachine returns a Machine with a schedule of one attempt, which waits for a second.
func newMachine(cfg Config) *Machine {
	cfg.Counters, cfg.MaxResponse = new(Counters), 1<<16
	cfg.Schedule = Schedule{Waits: []time.Duration{time.Second}}
	return New(cfg)
}

// openAll opens the sockets that a step requires.
func openAll(m *Machine, step Step) []Port {
	for _, id := range step.Open {
		m.Opened(id, &Socket{MaxRequest: 65_507, RTT: new(Estimator)})
	}
	return step.Open
}

// TestSocketFailureCountedOnce checks that a failed socket counts as one failure, however many
// requests were on it, and fails no later request.
func TestSocketFailureCountedOnce(t *testing.T) {
	m := newMachine(Config{Match: echoMatcher(), Patience: 10 * time.Second})
	now := time.Now()
	for i := range byte(20) {
		m.Submit(uint64(i), []byte{i})
	}
	shared := openAll(m, m.Next(now))[0]
	m.Next(now)
	m.Received(now.Add(time.Millisecond), shared, []byte{0}, false)
	now = now.Add(2 * time.Millisecond)
	m.Failed(now, shared, errSocket, false)
	for m.Pop() != nil {
	}
	if n, _, _ := m.Room(now); n == 0 || n > defaultMaxWindow {
		t.Errorf("room for %d requests, want the window", n)
	}
}

// TestPatienceAfterDialErrors checks that if sockets fail repeatedly after the server has answered,
// no request is accepted until the circuit is half-open.
func TestPatienceAfterDialErrors(t *testing.T) {
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
	for m.Pop() != nil {
	}
	if n, _, delay := m.Room(now); n != 0 || delay != openTime {
		t.Errorf("room for %d requests, more after %v, want 0 and %v", n, delay, openTime)
	}
	if n, _, _ := m.Room(now.Add(openTime)); n != 1 {
		t.Errorf("room for %d requests when the circuit is half-open, want 1", n)
	}
}

// TestDialShortage checks that if the shared socket fails for lack of descriptors while another
// socket is open, the Machine waits for that socket and does not dial again.
func TestDialShortage(t *testing.T) {
	m := newMachine(Config{Match: prefixMatcher(1), MaxPorts: 2})
	now := time.Now()
	m.Submit(0, []byte("a1"))
	m.Submit(1, []byte("a2")) // has the same key, so it needs another socket
	ids := openAll(m, m.Next(now))
	m.Next(now)
	m.Failed(now, ids[0], errSocket, false)
	m.Submit(2, []byte("b"))
	dials := 0
	for range 1000 {
		step := m.Next(now)
		dials += len(step.Open)
		for _, id := range step.Open {
			m.Failed(now, id, errors.New("too many open files"), true)
		}
	}
	if dials > 3 {
		t.Errorf("%d dials at one instant, want fewer", dials)
	}
}

// TestShortageFreesBlocked checks that requests that waited for a new shared socket are sent on the
// open one if the system has no descriptor for the new one.
func TestShortageFreesBlocked(t *testing.T) {
	m := newMachine(Config{Match: prefixMatcher(1), MaxPorts: 2})
	now := time.Now()
	m.Submit(0, []byte("c"))
	m.Submit(1, []byte("c2-3456789")) // with the same key: on a socket of its own
	m.Submit(2, []byte("a"))
	blocked := m.Submit(3, []byte("a2")) // until a socket can take its key
	ids := openAll(m, m.Next(now))
	m.Next(now)
	m.Received(now, ids[1], []byte("c2-3456789"), false)
	m.Failed(now, ids[0], errSocket, false)
	for _, id := range m.Next(now).Open {
		m.Failed(now, id, errors.New("too many open files"), true)
	}
	if step := m.Next(now); len(step.Send) != 1 || step.Send[0] != blocked || blocked.Port != ids[1] {
		t.Errorf("sends %d requests and wakes up at %v, want the blocked request to be sent on port %d",
			len(step.Send), step.Wake, ids[1])
	}
}

// TestMaxBytesIncludesKeys checks that keys longer than their requests count towards MaxBytes.
func TestMaxBytesIncludesKeys(t *testing.T) {
	const maxBytes, key = 200_000, 60_000
	m := newMachine(Config{MaxBytes: maxBytes, Match: &Matcher{
		RequestKey: func(dst, request []byte) []byte {
			return append(append(dst, request...), make([]byte, key)...)
		},
	}})
	now := time.Now()
	for i := range byte(100) {
		n, room, _ := m.Room(now)
		if n == 0 || room < m.Cost(1) {
			break
		}
		m.Submit(uint64(i), []byte{i})
	}
	if m.Held() > maxBytes+key || m.Held() < key {
		t.Errorf("%d bytes are held, want at most %d", m.Held(), maxBytes)
	}
}

// TestCauseOfRequest checks that an error of one request is not reported as the cause of another.
func TestCauseOfRequest(t *testing.T) {
	m := newMachine(Config{Match: echoMatcher()})
	now := time.Now()
	long := m.Submit(0, []byte("long"))
	openAll(m, m.Next(now))
	m.Next(now)
	refused, silent := m.Submit(1, []byte("refused")), m.Submit(2, []byte("silent"))
	m.Next(now)
	errRefused := errors.New("operation not permitted")
	m.Sent(now, long, errors.New("message too long"), true)
	m.Sent(now, refused, errRefused, false)
	m.Sent(now, silent, nil, false)
	m.Expire(now.Add(2 * time.Second))
	if silent.Outcome != Down || silent.Cause != nil {
		t.Errorf("outcome %d with cause %v, want no cause", silent.Outcome, silent.Cause)
	}
	if refused.Outcome != Down || refused.Cause != errRefused {
		t.Errorf("outcome %d with cause %v, want %v", refused.Outcome, refused.Cause, errRefused)
	}
}

// TestSamplePerServer checks that a round-trip time is a sample for the server that the socket is
// connected to.
func TestSamplePerServer(t *testing.T) {
	m := newMachine(Config{MaxPorts: 2})
	now := time.Now()
	m.Submit(0, []byte("a"))
	m.Submit(1, []byte("b"))
	first, second := new(Estimator), new(Estimator)
	ids := m.Next(now).Open
	m.Opened(ids[0], &Socket{MaxRequest: 100, RTT: first})
	m.Opened(ids[1], &Socket{MaxRequest: 100, RTT: second})
	m.Next(now)
	m.Received(now.Add(time.Millisecond), ids[0], []byte("x"), false)
	if _, srtt := first.Timeout(); srtt != time.Millisecond {
		t.Errorf("the round-trip time of the first server is %v, want 1ms", srtt)
	}
	if _, srtt := second.Timeout(); srtt != 0 {
		t.Errorf("the round-trip time of the second server is %v, want none", srtt)
	}
}
