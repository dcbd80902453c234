package ohce

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/udp"
)

// A shard is one socket and the loop that serves it:
//
//	run → serve → answerAll → admit → answer → responses.collect → flush
//
// The loop runs on one goroutine with memory that the shard owns. It copies and allocates nothing per
// datagram, and takes each lock once per batch.
type shard struct {
	srv        *Server
	conn       udp.Socket
	handler    Handler
	rule       guard.Rule
	batches    guard.BatchRule // rule, if it is one; else nil
	maxRequest int             // in bytes
	stop       chan struct{}   // closed when the server closes

	in        []udp.Message  // a batch
	now       time.Time      // when the batch was read
	seen      guard.Datagram // what rule sees
	req       Request
	writer    ResponseWriter
	responses responses

	write    sync.Mutex    // guards conn.Write, which deferred responses use too
	open     openResponses // deferred responses
	counters serverCounters
}

func newShard(ctx context.Context, s *Server, conn udp.Socket, addrs []netip.AddrPort) *shard {
	width := conn.Width()
	sh := &shard{
		srv: s, conn: conn, handler: s.Handler, maxRequest: s.BufferSize, stop: s.shutdownChan(),
		in: make([]udp.Message, width), req: Request{ctx: ctx},
	}
	sh.responses.out.MaxSegments = conn.MaxSegments
	if sh.handler == nil {
		sh.handler = HandlerFunc(echo)
	}
	if s.Guard == nil {
		sh.rule = guard.Loops{}.NewRule(addrs)
	} else {
		sh.rule = s.Guard.NewRule(addrs)
	}
	if sh.maxRequest == 0 {
		sh.maxRequest = maxBuffer
	}
	sh.batches, _ = sh.rule.(guard.BatchRule)
	conn.BusyPoll(s.BusyPoll)
	// Some systems do not report truncation: a datagram that fills the buffer is too long.
	size := max(sh.maxRequest+1, conn.MinReadBuffer())
	stride := bufferStride(size)
	bufs := make([]byte, width*stride)
	for i := range sh.in {
		sh.in[i].Buf = bufs[i*stride:][:size:size]
	}
	return sh
}

// bufferStride returns the distance between the starts of buffers of size bytes. It is an odd number
// of cache lines, so that the starts of the buffers, which hold small datagrams, are spread over all
// sets of a cache.
func bufferStride(size int) int {
	const line = 64
	return (size+line-1)/line*line | line
}

// run serves the socket until it is drained or closed, or returns the error that made it unusable.
func (sh *shard) run() error {
	var backoff udp.Backoff
	for {
		n, err := sh.conn.Read(sh.in)
		switch {
		case err == nil:
			backoff.Reset()
			sh.serve(n)
		case errors.Is(err, net.ErrClosed) && sh.stopping():
			return nil
		case udp.Transient(err):
			sh.counters.readError()
			sh.pause(backoff.Failed())
		default:
			return &OpError{Op: "serve", Addr: sh.conn.LocalAddr().String(), Err: err}
		}
	}
}

// stopping reports whether the server is closing.
func (sh *shard) stopping() bool {
	select {
	case <-sh.stop:
		return true
	default:
		return false
	}
}

// pause waits for d, or until the server closes. Once it is closing, pause waits for all of d, so that a
// drain that fails again and again does not use the whole processor.
func (sh *shard) pause(d time.Duration) {
	if d == 0 {
		return
	}
	wait := time.NewTimer(d)
	defer wait.Stop()
	stop := sh.stop
	if sh.stopping() {
		stop = nil
	}
	select {
	case <-wait.C:
	case <-stop:
	}
}

// serve answers the first n messages of in.
func (sh *shard) serve(n int) {
	received := 0
	for i := range sh.in[:n] {
		received += sh.in[i].Count()
	}
	sh.counters.received(received)
	var dropped Drops
	sh.now = time.Now()
	for i := range sh.in[:n] {
		sh.answerAll(&sh.in[i], &dropped)
		sh.responses.collect(&sh.in[i])
		if sh.responses.full() {
			sh.flush(sh.responses.out.Messages, &dropped)
			sh.responses.reset()
			dropped = Drops{}
		}
	}
	sh.flush(sh.responses.out.Messages, &dropped)
	sh.responses.reset()
}

// answerAll answers each datagram of a message.
func (sh *shard) answerAll(m *udp.Message, dropped *Drops) {
	if m.Truncated { // and perhaps without a Peer to judge by
		dropped[DropOversize] += uint64(m.Count())
		return
	}
	sh.setAddresses(m)
	admitted := sh.admitAll(m)
	for data := range m.Datagrams() {
		// A handler that appends to its request must not write into the next one.
		data = data[:len(data):len(data)]
		reason := DropNone
		if !admitted {
			reason = sh.admit(data)
		}
		if reason == DropNone {
			reason = sh.answer(data)
		}
		if reason != DropNone {
			dropped[reason]++
		}
	}
}

// admitAll admits all datagrams of a message at once, or returns false.
func (sh *shard) admitAll(m *udp.Message) bool {
	if sh.batches == nil || m.Segment == 0 || m.Segment > sh.maxRequest {
		return false
	}
	sh.seen.Payload = m.Buf[:min(m.Segment, len(m.Buf))]
	return sh.batches.AdmitBatch(sh.now, &sh.seen, m.Count())
}

// admit says why a datagram must not reach the handler, or DropNone.
func (sh *shard) admit(data []byte) DropReason {
	sh.seen.Payload = data
	if v := sh.rule.Admit(sh.now, &sh.seen); v != guard.Admitted {
		return dropReason(v)
	}
	if len(data) > sh.maxRequest {
		return DropOversize
	}
	return DropNone
}

// setAddresses prepares request and writer for the datagrams of a message.
func (sh *shard) setAddresses(m *udp.Message) {
	local := sh.conn.LocalAddr()
	if m.Local.IsValid() {
		local = netip.AddrPortFrom(m.Local, local.Port())
	}
	sh.req.RemoteAddr, sh.req.LocalAddr = m.Peer, local
	sh.seen.Source, sh.seen.Destination = m.Peer, local
	w := &sh.writer
	w.shard, w.request, w.limit = sh, m, maxDatagram(m.Peer.Addr())
}

// answer calls the handler for one datagram and keeps the response, or returns why there is none.
func (sh *shard) answer(data []byte) DropReason {
	r, w := &sh.req, &sh.writer
	r.Data = data
	w.begin(sh.responses.buf)
	returned := sh.srv.panics.call(sh.srv.ErrorLog, sh.handler, w, r)
	switch {
	case w.deferred != nil:
		return DropNone // counted at the end of the Deferred, whatever the handler did since
	case !returned:
		return DropPanic
	}
	reason := w.outcome()
	if reason == DropNone {
		sh.responses.add(w.buf)
	}
	return reason
}

// flush sends out and counts it, together with the datagrams in dropped. It returns the last error
// of a datagram that the system refused.
func (sh *shard) flush(out []udp.Message, dropped *Drops) (failed error) {
	sh.write.Lock()
	defer sh.write.Unlock()
	answered, _ := udp.SendAll(sh.conn, out, func(_, _ int, err error) {
		failed = err
		dropped[sh.countWriteError(err)]++
	})
	sh.counters.ended(answered, dropped)
	return failed
}

// lost is the reason for a datagram that the system refused with err.
func (sh *shard) countWriteError(err error) DropReason {
	if udp.TooLong(err) {
		return DropTooLarge
	}
	sh.counters.writeError(udp.Name(err))
	return DropUnsent
}
