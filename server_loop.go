package ohce

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// A shard is a socket and the loop that serves it:
//
//	run → serve → answerAll → admit → answer → responses.collect → flush
//
// The loop runs on one goroutine and uses memory that the shard owns. It neither copies nor
// allocates per datagram, and takes each lock once per batch.
type shard struct {
	srv        *Server
	conn       udp.Socket
	handler    Handler
	maxRequest int           // in bytes
	stop       chan struct{} // closed when the server begins to close

	in        []udp.Message // the batch read last
	measured  bool          // a call of the handler was measured for this batch
	took      time.Duration // its duration, until it is counted; else unmeasured
	guard     shardGuard
	req       Request
	writer    ResponseWriter
	responses responses

	write    sync.Mutex    // guards conn.Write, which deferred responses also call
	open     openResponses // the deferred responses
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
	sh.guard.start(s, addrs)
	if sh.maxRequest == 0 {
		sh.maxRequest = maxBuffer
	}
	conn.BusyPoll(s.BusyPoll)
	// Some systems do not report truncation, so a datagram that fills the buffer counts as too
	// long.
	size := max(sh.maxRequest+1, conn.MinReadBuffer())
	stride := bufferStride(size)
	bufs := make([]byte, width*stride)
	for i := range sh.in {
		sh.in[i].Buf = bufs[i*stride:][:size:size]
	}
	return sh
}

// bufferStride returns the distance in bytes between the starts of buffers of size bytes. It is an
// odd number of cache lines, so that small datagrams, which occupy the starts of the buffers, are
// spread over all sets of a cache.
func bufferStride(size int) int {
	const line = 64
	return (size+line-1)/line*line | line
}

// run serves the socket until it is drained or closed. It returns an error if the socket becomes
// unusable.
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

// pause waits for d or until the server begins to close. While the server is closing, it waits for
// d in any case, so that repeated errors while draining do not use a whole CPU.
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

// serve answers the first n messages of sh.in.
func (sh *shard) serve(n int) {
	received, bytes := 0, 0
	for i := range sh.in[:n] {
		received += sh.in[i].Count()
		bytes += len(sh.in[i].Buf)
	}
	sh.counters.received(received, bytes)
	sh.measured, sh.took = false, unmeasured
	var dropped Drops
	sh.guard.now = time.Now()
	for i := range sh.in[:n] {
		sh.answerAll(&sh.in[i], &dropped)
		sh.responses.collect(&sh.in[i])
		if sh.responses.full() {
			sh.flush(sh.responses.out.Messages, &dropped, sh.took)
			sh.responses.reset()
			dropped, sh.took = Drops{}, unmeasured
		}
	}
	sh.flush(sh.responses.out.Messages, &dropped, sh.took)
	sh.responses.reset()
}

// answerAll answers all datagrams of a message.
func (sh *shard) answerAll(m *udp.Message, dropped *Drops) {
	if m.Truncated { // the guard cannot decide, because Peer may be missing
		dropped[DropOversize] += uint64(m.Count())
		return
	}
	sh.setAddresses(m)
	admitted := sh.admitAll(m)
	for data := range m.Datagrams() {
		// Limit the capacity, so that a handler that appends to its request does not overwrite the
		// next one.
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

// admitAll admits all datagrams of a message with one call of the rule. If it returns false, each
// one must be admitted separately.
func (sh *shard) admitAll(m *udp.Message) bool {
	return m.Segment > 0 && m.Segment <= sh.maxRequest && sh.guard.admitAll(m)
}

// admit returns the reason why a datagram must not reach the handler, or DropNone.
func (sh *shard) admit(data []byte) DropReason {
	if reason := sh.guard.admit(data); reason != DropNone {
		return reason
	}
	if len(data) > sh.maxRequest {
		return DropOversize
	}
	return DropNone
}

// setAddresses sets the addresses of a message in the request, the guard's datagram and the writer.
func (sh *shard) setAddresses(m *udp.Message) {
	local := sh.conn.LocalAddr()
	if m.Local.IsValid() {
		local = netip.AddrPortFrom(m.Local, local.Port())
	}
	sh.req.RemoteAddr, sh.req.LocalAddr = m.Peer, local
	sh.guard.seen.Source, sh.guard.seen.Destination = m.Peer, local
	w := &sh.writer
	w.shard, w.request, w.limit = sh, m, maxDatagram(m.Peer.Addr())
}

// answer calls the handler for a datagram and collects its response. It returns the reason if there
// is none.
func (sh *shard) answer(data []byte) DropReason {
	r, w := &sh.req, &sh.writer
	r.Data = data
	w.begin(sh.responses.buf)
	returned := sh.call(w, r)
	switch {
	case w.deferred != nil:
		return DropNone // counted when the Deferred ends, even if the handler panicked
	case !returned:
		return DropPanic
	}
	reason := w.outcome()
	if reason == DropNone {
		reason = sh.guard.admitResponse(data, w.Bytes())
	}
	if reason == DropNone {
		sh.responses.add(w.buf)
	}
	return reason
}

// call calls the handler and reports whether it returned. It measures the first call of a batch.
func (sh *shard) call(w *ResponseWriter, r *Request) (returned bool) {
	if sh.measured {
		w.begun = time.Time{}
		return sh.srv.panics.call(sh.srv.ErrorLog, sh.handler, w, r)
	}
	sh.measured, w.begun = true, time.Now()
	returned = sh.srv.panics.call(sh.srv.ErrorLog, sh.handler, w, r)
	if w.deferred == nil && w.drop == DropNone { // a Deferred counts itself
		sh.took = time.Since(w.begun)
	}
	return returned
}

// flush sends the messages in out and counts their datagrams and those in dropped, and how long the
// handler took. It returns the last error with which the system refused a datagram.
func (sh *shard) flush(out []udp.Message, dropped *Drops, took time.Duration) (failed error) {
	sh.write.Lock()
	defer sh.write.Unlock()
	bytes := 0
	for i := range out {
		bytes += len(out[i].Buf)
	}
	answered, _ := udp.SendAll(sh.conn, out, func(message, datagram int, err error) {
		failed = err
		bytes -= out[message].Len(datagram)
		dropped[sh.countWriteError(err)]++
	})
	sh.counters.ended(answered, bytes, dropped, took)
	return failed
}

// countWriteError counts an error of the system and returns the reason to drop the datagram.
func (sh *shard) countWriteError(err error) DropReason {
	if udp.TooLong(err) {
		return DropTooLarge
	}
	sh.counters.writeError(udp.Name(err))
	return DropUnsent
}
