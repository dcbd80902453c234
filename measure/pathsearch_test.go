package measure

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// A pathModel is a path whose MTU is forward to the server and back from it. The links of both hosts
// have the MTU link.
type pathModel struct {
	link, forward, back   int
	icmpForward, icmpBack bool // the routers report packets that are too large
	fragments             bool // requests pass in fragments
	inet6                 bool // routers do not fragment
	closed                bool
	loss                  float64 // of a request and its response together
	random                *rand.Rand
	questions, tries      int
}

func (m *pathModel) ask(q pathProbe) pathResult {
	m.questions++
	if q.size > m.link && !q.fragment {
		return pathResult{kind: pathTooLongHere, mtu: m.link}
	}
	for range q.tries {
		m.tries++
		if m.loss > 0 && m.random.Float64() < m.loss {
			continue
		}
		if r := m.once(q); r.kind != pathLost {
			return r
		}
	}
	return pathResult{kind: pathLost}
}

// once is the fate of a request that is not lost by chance.
func (m *pathModel) once(q pathProbe) pathResult {
	lost := pathResult{kind: pathLost}
	switch {
	case q.size > m.forward && !q.fragment && m.icmpForward:
		return pathResult{kind: pathTooLong, mtu: m.forward, router: netip.MustParseAddr("192.0.2.9")}
	case q.size > m.forward && !(q.fragment && m.fragments && m.splits(q.size)):
		return lost
	case q.closed || q.size <= m.back:
		return pathResult{kind: pathAnswered}
	case m.icmpBack || q.size > m.link: // the server sends fragments
		return pathResult{kind: pathAnswered, fragment: 20 + (m.back-20)/8*8}
	default:
		return lost
	}
}

// splits reports whether a request that may be fragmented is, if it is longer than the path MTU.
func (m *pathModel) splits(size int) bool { return !m.inet6 || m.icmpForward || size > m.link }

func (m *pathModel) String() string {
	return fmt.Sprintf("link %d, forward %d (icmp %v), back %d (icmp %v), fragments %v, closed port %v, IPv6 %v",
		m.link, m.forward, m.icmpForward, m.back, m.icmpBack, m.fragments, m.closed, m.inet6)
}

// search measures the model.
func (m *pathModel) search(tries int) (forward, back PathDirection, ok bool) {
	s := &pathSearch{ask: m.ask, smallest: 60, tries: tries, closed: m.closed, routersFragment: !m.inet6}
	return s.run()
}

// check checks the results. A result may be inexact only if no question has an answer that shows more.
func (m *pathModel) check(forward, back PathDirection) error {
	if forward.MTU > m.forward || forward.Exact && forward.MTU != m.forward {
		return fmt.Errorf("forward %+v", forward)
	}
	if back.MTU > m.back || back.Exact && back.MTU != m.back {
		return fmt.Errorf("back %+v", back)
	}
	blackHole := !m.icmpBack && m.back < m.link
	reported := m.icmpForward && m.forward < m.link
	if !forward.Exact && !(blackHole && m.back <= m.forward && !reported && !m.closed || !m.fragments ||
		m.inet6 && !m.icmpForward && !m.closed) {
		return fmt.Errorf("forward %+v is not exact", forward)
	}
	if !back.Exact && m.fragments && !m.inet6 {
		return fmt.Errorf("back %+v is not exact", back)
	}
	return nil
}

// randomModel returns a model with random properties.
func randomModel(random *rand.Rand) *pathModel {
	coin := func() bool { return random.IntN(2) == 0 }
	m := &pathModel{
		link:        []int{1500, 9000, maxPacket, 1280 + random.IntN(2000)}[random.IntN(4)],
		icmpForward: coin(), icmpBack: coin(), fragments: random.IntN(4) > 0, closed: coin(), inet6: coin(),
		random: random,
	}
	m.forward, m.back = m.link, m.link
	if coin() {
		m.forward = 68 + random.IntN(m.link-67)
	}
	if coin() {
		m.back = 68 + random.IntN(m.link-67)
	}
	if coin() {
		m.back = m.forward
	}
	if m.link == maxPacket {
		m.fragments = true // there is no larger datagram to find that out
		m.icmpForward, m.icmpBack = true, true
	}
	return m
}

// TestPathSearch measures random paths without loss.
func TestPathSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	exact, most := 0, 0
	const rounds = 20_000
	for range rounds {
		m := randomModel(random)
		forward, back, ok := m.search(1)
		if err := m.check(forward, back); err != nil || !ok {
			t.Fatalf("%v: %v, %v", m, ok, err)
		}
		if forward.Exact && back.Exact {
			exact++
		}
		most = max(most, m.questions)
	}
	if exact < rounds/2 || most > 90 {
		t.Errorf("%d of %d paths have an exact result, with at most %d questions", exact, rounds, most)
	}
}

// TestPathSearchLoss measures paths that lose requests and responses by chance.
func TestPathSearchLoss(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	const rounds = 2000
	wrong := 0
	for range rounds {
		m := randomModel(random)
		m.loss = 0.2
		forward, back, ok := m.search(defaultPathTries)
		if err := m.check(forward, back); err != nil || !ok {
			wrong++
		}
	}
	if wrong > rounds/200 {
		t.Errorf("%d of %d results are wrong", wrong, rounds)
	}
}

// TestPathSearchLimits checks why larger packets do not pass.
func TestPathSearchLimits(t *testing.T) {
	for _, tt := range []struct {
		name          string
		m             pathModel
		forward, back PathLimit
	}{
		{"links", pathModel{link: 1500, forward: 1500, back: 1500}, PathLimitInterface, PathLimitInterface},
		{"none", pathModel{link: maxPacket, forward: maxPacket, back: maxPacket}, PathLimitNone, PathLimitNone},
		{"icmp", pathModel{link: 1500, forward: 1400, back: 1300, icmpForward: true, icmpBack: true, fragments: true},
			PathLimitICMP, PathLimitFragmented},
		{"lost", pathModel{link: 1500, forward: 1300, back: 1400, fragments: true}, PathLimitLost, PathLimitLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forward, back, ok := tt.m.search(1)
			if err := tt.m.check(forward, back); err != nil || !ok || !forward.Exact || !back.Exact {
				t.Errorf("%v, %+v, %+v, %v", ok, forward, back, err)
			}
			if forward.Limit != tt.forward || back.Limit != tt.back {
				t.Errorf("the limits are %q and %q, want %q and %q", forward.Limit, back.Limit, tt.forward, tt.back)
			}
			if (forward.Limit == PathLimitICMP) != forward.Router.IsValid() {
				t.Errorf("the router is %v", forward.Router)
			}
		})
	}
	silent := pathSearch{smallest: 60, tries: 1, ask: func(pathProbe) pathResult { return pathResult{} }}
	if _, _, ok := silent.run(); ok {
		t.Error("a server without a response is measured")
	}
}

// TestPathSearchSeen checks the result if only the reports of routers show the forward path MTU.
func TestPathSearchSeen(t *testing.T) {
	m := &pathModel{link: 1500, forward: 1400, back: 1300, icmpForward: true, fragments: true}
	forward, back, ok := m.search(1)
	if !ok || !forward.Exact || forward.MTU != 1400 || forward.Seen != 1300 || forward.Limit != PathLimitICMP ||
		!back.Exact || back.MTU != 1300 {
		t.Errorf("%v, %+v, %+v", ok, forward, back)
	}
	m.icmpForward = false
	if forward, _, _ = m.search(1); forward.Exact || forward.MTU != 1300 {
		t.Errorf("a forward path that cannot be seen: %+v", forward)
	}
	m.closed = true
	if forward, _, _ = m.search(1); !forward.Exact || forward.MTU != 1400 || forward.Seen != 1400 {
		t.Errorf("a forward path with a closed port: %+v", forward)
	}
}
