package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

// A script supplies the decisions of a test run from bytes that a fuzzer chooses. After the last
// byte, each decision is 0.
type script struct{ data []byte }

// choose returns a number from 0 to n-1.
func (s *script) choose(n int) int {
	if len(s.data) == 0 || n <= 1 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

// A copyInFlight is a datagram on the way from the simulated server to the client.
type copyInFlight struct {
	port Port
	at   time.Time
	data []byte
}

// A simulation drives a Machine over a simulated network and checks its invariants.
type simulation struct {
	t         *testing.T
	s         *script
	m         *Machine
	cfg       Config
	keyBytes  int
	lossless  bool
	now       time.Time
	rtt       Estimator
	opening   []Port
	open      map[Port]bool
	failed    map[Port]bool
	coming    []copyInFlight
	total     int
	submitted int
	next      []byte // the next request, if there was no room for it
	full      bool   // there was no room for next
	popped    uint64
	sentOf    map[uint64]int // number of datagrams by request
	counters  Counters
}

// prefixMatcher returns a Matcher whose key is the first n bytes of a message.
func prefixMatcher(n int) *Matcher {
	return &Matcher{
		RequestKey: func(dst, request []byte) []byte { return append(dst, request[:n]...) },
		ResponseKey: func(dst, response []byte) ([]byte, bool) {
			if len(response) < n {
				return dst, false
			}
			return append(dst, response[:n]...), true
		},
		Accept: func(_, response []byte) bool { return len(response) >= 10 },
	}
}

// echoMatcher returns the Matcher for a server that echoes each request.
func echoMatcher() *Matcher {
	return &Matcher{RequestKey: func(dst, request []byte) []byte { return append(dst, request...) }}
}

func newSimulation(t *testing.T, data []byte) *simulation {
	x := &simulation{
		t: t, s: &script{data}, now: time.Unix(1_000_000, 0), open: make(map[Port]bool),
		failed: make(map[Port]bool),
		sentOf: make(map[uint64]int),
	}
	x.cfg = Config{
		MaxResponse: 1000, MaxPorts: 1 + x.s.choose(12), Counters: &x.counters,
		Window:   Window{Min: 1 + x.s.choose(8), Max: 1 + x.s.choose(64)},
		FailFast: x.s.choose(4) == 3,
	}
	switch x.s.choose(3) {
	case 0:
		x.cfg.Match = echoMatcher()
	case 1:
		x.keyBytes = 1 + x.s.choose(2)
		x.cfg.Match = prefixMatcher(x.keyBytes)
	}
	if x.s.choose(2) == 1 {
		x.cfg.Schedule.Budget = 1500 * time.Millisecond
	} else {
		for i := range 5 {
			x.cfg.Schedule.Waits = append(x.cfg.Schedule.Waits,
				time.Duration(i+1)*100*time.Millisecond)
		}
	}
	if x.s.choose(2) == 1 {
		x.cfg.Patience = 4 * time.Second
	}
	if x.s.choose(2) == 1 {
		x.cfg.MaxBytes = 2_000 + 500*x.s.choose(16)
	}
	x.lossless = x.s.choose(3) == 0
	x.total = 1 + x.s.choose(200)
	x.cfg.Observe = x.checkEvent
	x.m = New(x.cfg)
	return x
}

// checkEvent checks that an event concerns a request that was sent before.
func (x *simulation) checkEvent(e Event) {
	if e.Request != nil && (e.Request.Begun.IsZero() || e.Time.Before(e.Request.Begun)) {
		x.t.Fatalf("event %d at %v concerns request %d, which was first sent at %v", e.Kind, e.Time,
			e.Request.Number, e.Request.Begun)
	}
}

// request returns the i-th request: a key of a few bytes, which repeats, and a unique number.
func (x *simulation) request(i int) []byte {
	data := binary.BigEndian.AppendUint16(nil, uint16(i%(1+x.s.choose(40))))
	return binary.BigEndian.AppendUint64(data, uint64(i))
}

// run runs the loop of the driver until all requests have ended.
func (x *simulation) run() {
	for turn := 0; x.popped < uint64(x.total); turn++ {
		if turn > 200_000 {
			x.t.Fatalf("%d of %d requests have ended after %d turns", x.popped, x.total, turn)
		}
		x.receive()
		x.m.Expire(x.now)
		x.pop()
		x.submit()
		step := x.m.Next(x.now)
		x.apply(step)
		x.checkBytes()
		x.pop()
		x.wait(step)
	}
	if x.m.Pending() != 0 || x.m.Len() != 0 || x.m.Held() != 0 {
		x.t.Fatalf("pending %d, len %d, held %d after the last request", x.m.Pending(), x.m.Len(),
			x.m.Held())
	}
	c := &x.counters
	if ended := c.Answered.Load() + c.Down.Load() + c.Failed.Load(); ended != uint64(x.total) {
		x.t.Fatalf("%d exchanges have ended, want %d", ended, x.total)
	}
}

// receive delivers the datagrams that have arrived, in an order that the script chooses.
func (x *simulation) receive() {
	for i := 0; i < len(x.coming); {
		c := x.coming[i]
		if c.at.After(x.now) {
			i++
			continue
		}
		x.coming = append(x.coming[:i], x.coming[i+1:]...)
		x.m.Received(c.at, c.port, c.data, false)
	}
	if x.lossless {
		return
	}
	switch x.s.choose(16) {
	case 1: // an unexpected datagram
		if x.cfg.Match == nil {
			return // without a matcher, any datagram is a response
		}
		x.m.Received(x.now, Port(x.s.choose(4)), []byte{byte(x.s.choose(256))}, false)
	case 2:
		x.m.Unreachable(x.now, Port(x.s.choose(4)), errors.New("unreachable"))
	case 3:
		x.m.Received(x.now, Port(x.s.choose(4)), make([]byte, 40), true)
	case 4:
		x.m.ReadFailed(x.now, Port(x.s.choose(4)), errors.New("read failed"))
	case 5: // an open socket fails
		if id := Port(x.s.choose(8)); x.open[id] && x.s.choose(4) == 0 {
			delete(x.open, id)
			x.failed[id] = true
			x.m.Failed(x.now, id, errors.New("socket failed"), false)
		}
	}
}

// submit submits as many requests as there is room for.
func (x *simulation) submit() {
	n, room, _ := x.m.Room(x.now)
	x.full = false
	for ; n > 0 && x.submitted < x.total; n-- {
		if x.next == nil {
			x.next = x.request(x.submitted)
		}
		if room -= x.m.Cost(len(x.next)); room < 0 && x.m.Len() > 0 {
			x.full = true
			return
		}
		x.m.Submit(uint64(x.submitted), x.next)
		x.submitted, x.next = x.submitted+1, nil
	}
}

// apply opens and closes sockets, sends requests, and makes the server answer them.
func (x *simulation) apply(step Step) {
	for _, id := range step.Close {
		if !x.open[id] && !x.failed[id] {
			x.t.Fatalf("port %d is not open, but must be closed", id)
		}
		delete(x.open, id)
	}
	x.opening = append(x.opening, step.Open...)
	if len(x.opening)+len(x.open) > max(x.cfg.MaxPorts, 1) {
		x.t.Fatalf("%d ports, want at most %d", len(x.opening)+len(x.open), x.cfg.MaxPorts)
	}
	for _, r := range step.Send {
		if !x.open[r.Port] || r.done() {
			x.t.Fatalf("request %d is sent on port %d, which is not open, or has ended", r.Number, r.Port)
		}
		if !x.lossless && x.s.choose(32) == 1 {
			x.m.Sent(x.now, r, errors.New("refused"), x.s.choose(2) == 1)
			continue
		}
		x.m.Sent(x.now, r, nil, false)
		x.sentOf[r.Number]++
		x.answer(r)
	}
}

// answer makes the server send copies of the response to a request: its bytes and, with loss, others
// after them.
func (x *simulation) answer(r *Request) {
	if x.lossless {
		at := x.now.Add(time.Duration(1+x.s.choose(45)) * time.Millisecond)
		x.coming = append(x.coming, copyInFlight{r.Port, at, bytes.Clone(r.Data)})
		return
	}
	for range []int{1, 1, 1, 0, 0, 2, 3}[x.s.choose(7)] {
		at := x.now.Add(time.Duration(x.s.choose(256)*x.s.choose(30)) * time.Millisecond)
		data := bytes.Clone(r.Data)
		if x.s.choose(3) == 2 { // up to 1,285 bytes, more than MaxResponse
			data = append(data, make([]byte, x.s.choose(6)*x.s.choose(256))...)
		}
		x.coming = append(x.coming, copyInFlight{r.Port, at, data})
	}
}

// pop checks finished exchanges and removes them.
func (x *simulation) pop() {
	for r := x.m.Pop(); r != nil; r = x.m.Pop() {
		if r.Number != x.popped {
			x.t.Fatalf("request %d was popped, want %d", r.Number, x.popped)
		}
		x.popped++
		if r.RTT < 0 || r.Elapsed < 0 || r.RTT > r.Elapsed {
			x.t.Fatalf("request %d: round trip %v, elapsed %v", r.Number, r.RTT, r.Elapsed)
		}
		if r.Transmitted != x.sentOf[r.Number] {
			x.t.Fatalf("request %d: %d transmitted, want %d", r.Number, r.Transmitted, x.sentOf[r.Number])
		}
		if r.Outcome == Answered && !bytes.HasPrefix(r.Response, r.Data) {
			x.t.Fatalf("request %x has the response %x", r.Data, r.Response)
		}
		if len(r.Response) > x.cfg.MaxResponse {
			x.t.Fatalf("request %d has a response of %d bytes, want at most %d", r.Number,
				len(r.Response), x.cfg.MaxResponse)
		}
		if x.lossless && (r.Outcome != Answered || r.Transmitted != 1) {
			x.t.Fatalf("request %d ended as %d after %d datagrams without loss", r.Number, r.Outcome,
				r.Transmitted)
		}
	}
}

func (x *simulation) checkBytes() {
	bound := x.cfg.MaxBytes
	if bound == 0 {
		bound = defaultMaxBytes
	}
	if x.m.Held() > bound+x.cfg.MaxResponse {
		x.t.Fatalf("%d bytes are held for %d requests, want at most %d", x.m.Held(), x.m.Len(), bound)
	}
}

// wait opens a socket, or advances the time to the next event.
func (x *simulation) wait(step Step) {
	if len(x.opening) > 0 && (x.lossless || x.s.choose(4) > 0 || len(step.Send) == 0) {
		id := x.opening[0]
		x.opening = x.opening[1:]
		if !x.lossless && x.s.choose(8) == 1 {
			x.m.Failed(x.now, id, errors.New("cannot open"), x.s.choose(2) == 1)
			return
		}
		x.open[id] = true
		x.m.Opened(id, &Socket{MaxRequest: 65_507, RTT: &x.rtt})
		return
	}
	next := step.Wake
	for _, c := range x.coming {
		if next.IsZero() || c.at.Before(next) {
			next = c.at
		}
	}
	n, _, delay := x.m.Room(x.now)
	wants := x.submitted < x.total && !x.full
	if wants && n > 0 {
		return
	}
	if wants && delay > 0 && (next.IsZero() || x.now.Add(delay).Before(next)) {
		next = x.now.Add(delay)
	}
	if next.IsZero() {
		if x.m.Pending() > 0 {
			x.t.Fatalf("no progress: %d requests are pending without a deadline", x.m.Pending())
		}
		if !x.full || x.m.Len() > 0 { // otherwise pop has made room
			x.now = x.now.Add(time.Millisecond)
		}
		return
	}
	if next.After(x.now) {
		x.now = next
	}
	if !x.lossless { // a driver can be late
		x.now = x.now.Add(time.Duration(x.s.choose(8)*x.s.choose(8)) * time.Millisecond)
	}
}
