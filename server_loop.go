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
//	run → serve → answerAll → admit → answer → appendRuns → flush
//
// The loop runs on one goroutine with memory that the shard owns. It copies and allocates nothing per
// datagram, and takes each lock once per batch.
type shard struct {
	srv        *Server
	conn       udp.Conn
	handler    Handler
	rule       guard.Rule
	batches    guard.BatchRule // rule, if it is one; else nil
	maxRequest int             // in bytes
	stop       chan struct{}   // closed when the server closes

	in        []udp.Message  // a batch
	responses []responses    // to the messages of in
	now       time.Time      // when the batch was read
	seen      guard.Datagram // what rule sees
	req       Request
	writer    ResponseWriter
	out       []udp.Message

	write    sync.Mutex    // guards conn.Write, which deferred responses use too
	open     openResponses // deferred responses
	counters serverCounters
}

// responses holds the responses to the datagrams of one message, one after the other.
type responses struct {
	buf   []byte
	sizes []int
}

func newShard(ctx context.Context, s *Server, conn udp.Conn, addrs []netip.AddrPort) *shard {
	width := conn.Width()
	sh := &shard{
		srv: s, conn: conn, handler: s.Handler, maxRequest: s.BufferSize, stop: s.shutdownChan(),
		in: make([]udp.Message, width), out: make([]udp.Message, 0, width),
		responses: make([]responses, width), req: Request{ctx: ctx},
	}
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
	conn.Spin(s.BusyPoll)
	// Some systems do not report truncation: a datagram that fills the buffer is too long.
	size := max(sh.maxRequest+1, conn.ReadSize())
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
	failures := 0
	for {
		n, err := sh.conn.Read(sh.in)
		switch {
		case err == nil:
			failures = 0
			sh.serve(n)
		case errors.Is(err, net.ErrClosed) && sh.stopping():
			return nil
		case udp.Transient(err):
			sh.counters.readError()
			failures++
			sh.pause(failures)
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

// pause keeps a socket that fails again and again from taking the processor: the first failures in
// a row cost nothing, for each speaks of one datagram, the later ones up to a second each.
func (sh *shard) pause(failures int) {
	const free, most = 16, time.Second
	if failures <= free {
		return
	}
	wait := time.NewTimer(min(time.Millisecond<<min(failures-free, 10), most))
	defer wait.Stop()
	stop := sh.stop
	if sh.stopping() {
		stop = nil // a drain that fails again and again is not to spin either
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
		received += sh.in[i].Datagrams()
	}
	sh.counters.received(received)
	var dropped Drops
	sh.now = time.Now()
	out := sh.out[:0]
	for i := range sh.in[:n] {
		sh.answerAll(&sh.in[i], &sh.responses[i], &dropped)
		out = appendRuns(out, &sh.in[i], &sh.responses[i], sh.conn.Run)
	}
	sh.flush(out, &dropped)
	sh.out = out[:0]
}

// answerAll answers each datagram of a message.
func (sh *shard) answerAll(m *udp.Message, a *responses, dropped *Drops) {
	a.buf, a.sizes = a.buf[:0], a.sizes[:0]
	if m.Truncated { // and perhaps without a Peer to judge by
		dropped[DropOversize] += uint64(m.Datagrams())
		return
	}
	data, size := m.Buf, len(m.Buf)
	if m.Segment > 0 {
		size = m.Segment
	}
	sh.setAddresses(m)
	admitted := sh.admitAll(m, data[:min(size, len(data))])
	for {
		n := min(size, len(data))
		reason := DropNone
		if !admitted {
			reason = sh.admit(data[:n:n])
		}
		if reason == DropNone {
			reason = sh.answer(data[:n:n], a)
		}
		if reason != DropNone {
			dropped[reason]++
		}
		if data = data[n:]; len(data) == 0 {
			return
		}
	}
}

// admitAll admits all datagrams of a message at once, of which first is the first, or returns
// false.
func (sh *shard) admitAll(m *udp.Message, first []byte) bool {
	if sh.batches == nil || m.Segment == 0 || len(first) > sh.maxRequest {
		return false
	}
	sh.seen.Payload = first
	return sh.batches.AdmitBatch(sh.now, &sh.seen, m.Datagrams())
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

// answer calls the handler for one datagram, appends the response to a, and says why there is none.
func (sh *shard) answer(data []byte, a *responses) DropReason {
	r, w := &sh.req, &sh.writer
	r.Data = data
	w.begin(a.buf)
	returned := sh.srv.panics.call(sh.srv.ErrorLog, sh.handler, w, r)
	switch {
	case w.deferred != nil:
		return DropNone // counted at the end of the Deferred, whatever the handler did since
	case !returned:
		return DropPanic
	}
	reason := w.outcome()
	if reason == DropNone {
		a.buf = w.buf
		a.sizes = append(a.sizes, len(w.buf)-w.start)
	}
	return reason
}

// flush sends out and counts it, together with the datagrams in dropped. It returns the last error
// of a datagram that the system refused.
func (sh *shard) flush(out []udp.Message, dropped *Drops) (failed error) {
	sh.write.Lock()
	defer sh.write.Unlock()
	answered := udp.Transmit(sh.conn, out, func(_, _ int, err error) {
		failed = err
		dropped[sh.lost(err)]++
	})
	sh.counters.ended(answered, dropped)
	return failed
}

// lost is the reason for a datagram that the system refused with err.
func (sh *shard) lost(err error) DropReason {
	if udp.TooLong(err) {
		return DropTooLarge
	}
	sh.counters.writeError(udp.Name(err))
	return DropUnsent
}
