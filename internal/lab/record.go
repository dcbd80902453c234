package lab

import (
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link/relay"
)

// A recorder records an exchange on sockets.
type recorder struct {
	changed chan struct{} // receives after an observation; holds one value

	mu     sync.Mutex
	begun  time.Time // of the first attempt
	client []observation
	server []observation
	up     []int // number of arrivals of each request on the link
	down   []int // and of each response
	ports  Ports
}

// An observation is a step that the client or the server has seen.
type observation struct {
	kind Kind
	at   time.Time
}

// Ports are the addresses of the sockets of an exchange.
type Ports struct {
	// Client is the client's socket. LinkIn is where the client sends to.
	Client string `json:"client"`
	LinkIn string `json:"link_in"`
	// LinkOut is the socket from which the link sends to the server, which sees it as the client. It
	// is empty if no request has arrived.
	LinkOut string `json:"link_out"`
	Server  string `json:"server"`
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{}, 1)} }

// record calls f with the lock held.
func (r *recorder) record(f func()) {
	r.mu.Lock()
	f()
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// trace returns the trace of the client.
func (r *recorder) trace() *ohce.ClientTrace {
	add := func(kind Kind, a ohce.TraceAttempt) {
		r.record(func() { r.client = append(r.client, observation{kind, a.Time}) })
	}
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			r.record(func() {
				if len(r.client) == 0 {
					r.begun, r.ports.Client = a.Time, a.Local.String()
				}
				r.client = append(r.client, observation{Sent, a.Time})
			})
		},
		AttemptTimedOut:  func(a ohce.TraceAttempt) { add(TimedOut, a) },
		ResponseAccepted: func(a ohce.TraceAttempt, _ *ohce.Response) { add(Accepted, a) },
		DatagramIgnored:  func(a ohce.TraceAttempt, _ ohce.IgnoreReason, _ []byte) { add(Duplicate, a) },
	}
}

// observeLink records what the link does to a datagram.
func (r *recorder) observeLink(e relay.Event) {
	r.record(func() {
		if e.Up {
			r.up = append(r.up, len(e.Arrivals))
		} else {
			r.down = append(r.down, len(e.Arrivals))
		}
	})
}

// observeServer records the arrival of a request at the server.
func (r *recorder) observeServer(from netip.AddrPort) {
	now := time.Now()
	r.record(func() {
		r.ports.LinkOut = from.String()
		r.server = append(r.server, observation{Served, now})
	})
}

// gaveUp records that the client has given up.
func (r *recorder) gaveUp() {
	now := time.Now()
	r.record(func() { r.client = append(r.client, observation{Down, now}) })
}

// counts returns the numbers of observations.
func (r *recorder) counts() tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return tally{client: len(r.client), server: len(r.server), up: len(r.up), down: len(r.down)}
}

// A tally counts observations.
type tally struct{ client, server, up, down int }

// reaches reports whether no count is less than in other.
func (t tally) reaches(other tally) bool {
	return t.client >= other.client && t.server >= other.server && t.up >= other.up && t.down >= other.down
}
