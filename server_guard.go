package ohce

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/udp"
)

// A shardGuard applies the server's guard to the datagrams of one shard. Its methods are for the
// shard's goroutine, except admitDeferred.
type shardGuard struct {
	rule      guard.Rule
	batches   guard.BatchRule    // rule, if it is one; else nil
	responses guard.ResponseRule // rule, if it is one; else nil

	seen guard.Datagram // the current datagram
	now  time.Time      // when the current batch was read

	// A rule is for one goroutine at a time. The lock is needed only from the first deferred
	// response on.
	deferred atomic.Bool
	mu       sync.Mutex
}

// start sets the rule of a shard of a server that listens on addrs.
func (g *shardGuard) start(s *Server, addrs []netip.AddrPort) {
	var config guard.Guard = guard.Loops{}
	if s.Guard != nil {
		config = s.Guard
	}
	g.rule = config.NewRule(addrs)
	g.batches, _ = g.rule.(guard.BatchRule)
	g.responses, _ = g.rule.(guard.ResponseRule)
}

// admitAll admits all datagrams of a message at once, or returns false.
func (g *shardGuard) admitAll(m *udp.Message) bool {
	if g.batches == nil {
		return false
	}
	if g.deferred.Load() {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	g.seen.Payload = m.Buf[:min(m.Segment, len(m.Buf))]
	return g.batches.AdmitBatch(g.now, &g.seen, m.Count())
}

// admit returns the reason why a datagram must not reach the handler, or DropNone.
func (g *shardGuard) admit(data []byte) DropReason {
	if g.deferred.Load() {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	g.seen.Payload = data
	return dropReason(g.rule.Admit(g.now, &g.seen))
}

// admitResponse returns the reason why the response to a datagram must not be sent, or DropNone.
func (g *shardGuard) admitResponse(data, response []byte) DropReason {
	if g.responses == nil {
		return DropNone
	}
	if g.deferred.Load() {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	g.seen.Payload = data
	return dropReason(g.responses.AdmitResponse(g.now, &g.seen, response))
}

// admitDeferred is admitResponse for a deferred response, on any goroutine.
func (g *shardGuard) admitDeferred(r *Request, response []byte) DropReason {
	if g.responses == nil {
		return DropNone
	}
	d := &guard.Datagram{Source: r.RemoteAddr, Destination: r.LocalAddr, Payload: r.Data}
	g.mu.Lock()
	defer g.mu.Unlock()
	return dropReason(g.responses.AdmitResponse(time.Now(), d, response))
}
