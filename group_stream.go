package ohce

import (
	"bytes"
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxGroupRequests is the number of requests that a Group's stream holds before it yields their
	// results.
	maxGroupRequests = 1 << 14
	// firstGroupRequests is the number of requests in flight before the first response shows how
	// long responses are.
	firstGroupRequests = 256
	// groupOverhead is the memory in bytes that a request takes besides its content, for its
	// records in the stream and its members.
	groupOverhead = 512
)

// Stream sends each of requests as Exchange does and yields the results in the order of the
// requests. It keeps many requests in flight and uses a stream of each client; see Client.Stream. A
// request that one server does not answer is sent to the next. The stream does not wait for a
// server that stops answering: Client.Patience is not used.
func (g *Group) Stream(ctx context.Context, requests iter.Seq[[]byte]) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		if err := g.check(); err != nil {
			yield(Result{}, err)
			return
		}
		s := newGroupStream(ctx, g, requests)
		defer s.close()
		if err := s.run(ctx, yield); err != nil {
			yield(Result{}, &OpError{Op: "exchange", Addr: g.addrs(), Err: err})
		}
	}
}

// A groupStream distributes the requests of a Group's stream over streams of its clients:
//
//	run → submit → send → memberStream.put … memberStream.run → handleResult → deliver
type groupStream struct {
	g        *Group
	ctx      context.Context // for the members' streams
	cancel   context.CancelFunc
	requests *prefetcher
	ended    bool            // there are no more requests
	order    []*groupRequest // not yielded yet, oldest first
	pending  int             // the number of those without a result
	held     int             // bytes of order
	maxBytes int
	largest  int // length of the longest response so far, at least 1; 0 before the first
	index    int // the index of the next result
	members  map[memberKey]*memberStream
	outcomes chan memberResult
	running  sync.WaitGroup
}

// A groupRequest is a request of a Group's stream.
type groupRequest struct {
	data   atomic.Pointer[[]byte] // nil once the request has been yielded
	size   int                    // bytes charged to maxBytes
	first  int                    // the member it was sent to first
	tried  int                    // the number of members it was sent to
	racing int                    // members that have not failed, if it was sent to all at once
	failed failures
	before failures // those before the request was sent to several members
	resp   *Response
	err    error
	done   atomic.Bool // it has a result, so members skip it
}

// A memberKey identifies one stream of a client. A client can have two: one that fails fast because
// another server can answer, and one for the last round, which uses the whole schedule.
type memberKey struct {
	member   int
	failFast bool
}

func newGroupStream(ctx context.Context, g *Group, requests iter.Seq[[]byte]) *groupStream {
	s := &groupStream{
		g: g, requests: newPrefetcher(requests), outcomes: make(chan memberResult, 64),
		members: make(map[memberKey]*memberStream),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	for i, c := range g.Clients {
		if n := positive(c.MaxBytes, defaultMaxBytes); i == 0 || n < s.maxBytes {
			s.maxBytes = n
		}
	}
	return s
}

// run yields the results. It returns nil when there are no more or when yield returns false.
func (s *groupStream) run(ctx context.Context, yield func(Result, error) bool) error {
	full := false
	for {
		if !s.deliver(yield) || s.ended && len(s.order) == 0 {
			return nil
		}
		ready := s.requests.ready
		if s.ended || full && len(s.order) > 0 {
			ready = nil
		}
		select {
		case <-ready:
			full = s.submit()
		case o := <-s.outcomes:
			s.handleResult(o)
			if full {
				full = s.submit()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deliver yields the results of the oldest requests. It returns false if yield does.
func (s *groupStream) deliver(yield func(Result, error) bool) bool {
	for len(s.order) > 0 && s.order[0].done.Load() {
		r := s.order[0]
		s.order[0] = nil
		s.order = s.order[1:]
		s.held -= r.size
		// A member may still be reading the request, and the caller may change the result.
		result := Result{
			Index: s.index, Request: bytes.Clone(*r.data.Load()), Response: r.resp, Err: r.err,
		}
		r.data.Store(nil) // a member may still hold r
		r.resp = nil
		s.index++
		if !yield(result, nil) {
			return false
		}
	}
	return true
}

// submit takes requests while there is room for them. It reports whether there is no more room.
func (s *groupStream) submit() (full bool) {
	for !s.ended {
		n := maxGroupRequests - len(s.order)
		if s.largest == 0 {
			n = min(n, firstGroupRequests-s.pending)
		}
		room := s.maxBytes - s.held - s.pending*s.largest
		if n <= 0 || room <= 0 && len(s.order) > 0 {
			return true
		}
		requests, full, ended := s.requests.take(n, room, len(s.order) == 0, s.cost)
		s.ended = ended
		for _, data := range requests {
			s.add(data)
		}
		if full || len(requests) == 0 {
			return full
		}
	}
	return false
}

// cost returns the bytes to reserve for a request of size bytes and its response.
func (s *groupStream) cost(size int) int { return groupOverhead + size + s.largest }

func (s *groupStream) add(data []byte) {
	r := &groupRequest{size: groupOverhead + len(data), failed: failures{begun: time.Now()}}
	r.data.Store(&data)
	s.order = append(s.order, r)
	s.pending++
	s.held += r.size
	if s.g.Policy == Race {
		s.race(r)
		return
	}
	r.first = s.g.firstServer()
	s.sendNext(r)
}

// sendNext sends a request to the next member that it was not sent to.
func (s *groupStream) sendNext(r *groupRequest) {
	member := (r.first + r.tried) % len(s.g.Clients)
	r.tried++
	s.send(r, memberKey{member, true})
}

// race sends a request to all members.
func (s *groupStream) race(r *groupRequest) {
	r.racing = len(s.g.Clients)
	for i, c := range s.g.Clients {
		s.send(r, memberKey{i, c.FailFast})
	}
}

func (s *groupStream) send(r *groupRequest, k memberKey) {
	m, ok := s.members[k]
	if !ok {
		m = newMemberStream(k.member)
		s.members[k] = m
		// The goroutine ends when the member stream is closed or s.ctx is done. close waits for it.
		s.running.Go(func() { m.run(s.ctx, s.g.Clients[k.member], k.failFast, s.outcomes) })
	}
	m.put(r)
}

// handleResult records the result of a request at a member, or sends the request to another one.
func (s *groupStream) handleResult(o memberResult) {
	r := o.request
	switch {
	case r.done.Load(): // another member was faster
	case o.err == nil:
		if r.racing == 0 {
			r.before = r.failed
		}
		r.before.addTo(o.resp)
		s.end(r, o.resp, nil)
	case !canFailOver(o.err):
		s.end(r, nil, o.err)
	case r.racing > 0:
		r.failed.add(o.err)
		if r.racing--; r.racing == 0 {
			s.end(r, nil, r.failed.err(s.g))
		}
	default:
		r.failed.add(o.err)
		s.g.markFailed(o.member)
		s.retry(r)
	}
}

// end sets the result of a request.
func (s *groupStream) end(r *groupRequest, resp *Response, err error) {
	if resp != nil {
		r.size += len(resp.Data)
		s.held += len(resp.Data)
		s.largest = max(s.largest, len(resp.Data), 1)
	}
	s.pending--
	r.resp, r.err = resp, err
	r.done.Store(true)
}

// retry sends a request that a member did not answer to other members, or ends it.
func (s *groupStream) retry(r *groupRequest) {
	n := len(s.g.Clients)
	switch {
	case r.tried < n:
		s.sendNext(r)
	case r.failed.refused < n || s.g.failsFast():
		s.end(r, nil, r.failed.err(s.g))
	default:
		r.before = r.failed
		r.failed = failures{begun: r.failed.begun}
		s.race(r)
	}
}

// close ends the members' streams and the iterator, and waits for them.
func (s *groupStream) close() {
	s.cancel()
	for _, m := range s.members {
		m.close()
	}
	ended := make(chan struct{})
	go func() { // ends with the members' streams, which cancel interrupts
		s.running.Wait()
		close(ended)
	}()
	for waiting := true; waiting; {
		select {
		case <-s.outcomes: // unblocks a member that reports a result
		case <-ended:
			waiting = false
		}
	}
	s.requests.stop()
}
