package ohce

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// A memberStream is the stream of one client of a Group. It takes requests from put and reports
// their results in the same order.
type memberStream struct {
	member int // the index of the client

	mu       sync.Mutex
	changed  sync.Cond // L is mu; signals that put or close was called
	waiting  []*groupRequest
	inFlight []*groupRequest // taken by the client's stream, oldest first
	closed   bool
}

// A memberResult is the result of a request at one member.
type memberResult struct {
	member  int
	request *groupRequest
	resp    *Response
	err     error
}

func newMemberStream(member int) *memberStream {
	m := &memberStream{member: member}
	m.changed.L = &m.mu
	return m
}

// put adds a request. If many are waiting, it first removes those that other members have answered,
// so that a slow member does not accumulate requests.
func (m *memberStream) put(r *groupRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) == 2*maxGroupRequests {
		m.waiting = slices.DeleteFunc(m.waiting, func(r *groupRequest) bool { return r.done.Load() })
	}
	m.waiting = append(m.waiting, r)
	m.changed.Signal()
}

// close ends the stream.
func (m *memberStream) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.changed.Signal()
}

// requests yields the requests that other members have not answered.
func (m *memberStream) requests() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			data, ok := m.take()
			if !ok || !yield(data) {
				return
			}
		}
	}
}

// take waits for the next request. It returns false when the stream is closed.
func (m *memberStream) take() (data []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		for len(m.waiting) == 0 && !m.closed {
			m.changed.Wait()
		}
		if m.closed {
			return nil, false
		}
		r := m.waiting[0]
		m.waiting[0] = nil
		m.waiting = m.waiting[1:]
		if data := r.data.Load(); data != nil && !r.done.Load() {
			m.inFlight = append(m.inFlight, r)
			return *data, true
		}
	}
}

// finished returns the request that the next result of the client's stream belongs to.
func (m *memberStream) finished() *groupRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.inFlight[0]
	m.inFlight[0] = nil
	m.inFlight = m.inFlight[1:]
	return r
}

// run sends the result of each request to outcomes until the stream is closed or ctx is done.
func (m *memberStream) run(ctx context.Context, c *Client, failFast bool, outcomes chan<- memberResult) {
	cfg := c.streamConfig(failFast)
	cfg.Patience = 0 // fail over instead
	for result, err := range c.stream(ctx, m.requests(), cfg) {
		if err != nil { // ctx is done
			return
		}
		outcomes <- memberResult{m.member, m.finished(), result.Response, result.Err}
	}
}
