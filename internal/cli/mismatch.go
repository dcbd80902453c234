package cli

import (
	"sync"

	"github.com/ohce/ohce"
)

// maxMismatches is the number of consecutive unexpected datagrams that put an expectation in doubt.
const maxMismatches = 8

// A mismatchMonitor counts the datagrams of a stream under an expectation. Datagrams that are not the
// response to any line are a sign that the expectation is wrong.
type mismatchMonitor struct {
	decides func(line []byte) bool // whether the expected response confirms the expectation
	tripped chan struct{}          // closed when the expectation is in doubt

	mu       sync.Mutex
	inFlight int // lines
	heard    heardDatagrams
	inARow   int // unexpected datagrams since a response confirmed the expectation
}

// heardDatagrams are counts of the datagrams that a stream has received.
type heardDatagrams struct{ accepted, ignored int }

func newMismatchMonitor(decides func(line []byte) bool) *mismatchMonitor {
	return &mismatchMonitor{decides: decides, tripped: make(chan struct{})}
}

// trace returns a trace that counts the datagrams of a client.
func (m *mismatchMonitor) trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		DatagramIgnored: func(_ ohce.TraceAttempt, why ohce.IgnoreReason, _ []byte) {
			m.datagramIgnored(why)
		},
		ResponseAccepted: func(a ohce.TraceAttempt, _ *ohce.Response) { m.responseAccepted(a.Request) },
	}
}

func (m *mismatchMonitor) datagramIgnored(why ohce.IgnoreReason) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard.ignored++
	if why != ohce.IgnoreUnexpected {
		return
	}
	if m.inARow++; m.inARow >= min(maxMismatches, m.inFlight) {
		select {
		case <-m.tripped:
		default:
			close(m.tripped)
		}
	}
}

func (m *mismatchMonitor) responseAccepted(line []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard.accepted++
	if m.inARow > 0 && m.decides(line) {
		m.inARow = 0
	}
}

// begun counts a line that is now in flight. It returns the counts of datagrams so far.
func (m *mismatchMonitor) begun() heardDatagrams {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight++
	return m.heard
}

// ended counts a line that is no longer in flight. It returns the counts of datagrams so far.
func (m *mismatchMonitor) ended() heardDatagrams {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight--
	return m.heard
}
