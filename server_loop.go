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
//	run → serve → answerAll → refused → answer → responses.collect → flush
//
// All of it is on one goroutine and on memory that the shard owns: nothing is copied or allocated for
// a datagram, and what is locked is locked for a batch.
type shard struct {
	srv     *Server
	conn    udp.Socket
	handler Handler
	refuse  *guard.PortSet
	repeats *guard.Repeats
	max     int           // longest request, in bytes
	stop    chan struct{} // closed when the server closes

	in        []udp.Message
	req       Request
	writer    ResponseWriter
	responses responses

	write sync.Mutex     // guards conn.Write, which handlers that answer later call too
	later sync.WaitGroup // responses under way that the loop does not wait for
	tally tally
}

func newShard(ctx context.Context, s *Server, conn udp.Socket, refuse *guard.PortSet) *shard {
	width := conn.Width()
	sh := &shard{
		srv: s, conn: conn, handler: s.Handler, refuse: refuse, max: s.BufferSize, stop: s.stopped(),
		repeats: guard.NewRepeats(s.RepeatLimit),
		in:      make([]udp.Message, width), req: Request{ctx: ctx},
	}
	sh.responses.out.MaxSegments = conn.MaxSegments
	if sh.handler == nil {
		sh.handler = HandlerFunc(echo)
	}
	if sh.max == 0 {
		sh.max = maxBuffer
	}
	conn.BusyPoll(s.Spin)
	// A datagram that fills the buffer is too long, on systems that do not tell.
	size := max(sh.max+1, conn.MinReadBuffer())
	stride := apart(size)
	bufs := make([]byte, width*stride)
	for i := range sh.in {
		sh.in[i].Buf = bufs[i*stride:][:size:size]
	}
	return sh
}

// apart is the distance between the beginnings of buffers of size bytes: an odd number of cache lines,
// so that the beginnings of all buffers, where small datagrams lie, do not fall into the same few
// places of a cache, which go by the address's lower bits.
func apart(size int) int {
	const line = 64
	return (size+line-1)/line*line | line
}

// run serves the socket until it is drained or closed (nil) or unusable (the error).
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
			sh.tally.readError()
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
	sh.tally.received(received)
	var dropped Drops
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
	size := len(m.Buf)
	if m.Segment > 0 {
		size = m.Segment
	}
	refused := sh.refused(m, size)
	dropped[DropLoop] += uint64(refused)
	sh.begin(m)
	for data := range m.Datagrams() {
		switch {
		case refused > 0: // counted above
			refused--
		case len(data) > sh.max:
			dropped[DropOversize]++
		default:
			// A handler that appends to its request must not write into the next one.
			if reason := sh.answer(data[:len(data):len(data)]); reason != DropNone {
				dropped[reason]++
			}
		}
	}
}

// refused is how many datagrams of a message, from the first on, get no answer because they may go
// round for ever.
func (sh *shard) refused(m *udp.Message, size int) int {
	n := m.Count()
	if sh.refuse.Contains(m.Peer.Port()) {
		return n
	}
	return min(n, sh.repeats.TooMany(m.Peer, size, n))
}

// begin makes request and writer ready for the datagrams of a message.
func (sh *shard) begin(m *udp.Message) {
	local := sh.conn.LocalAddr()
	if m.Local.IsValid() {
		local = netip.AddrPortFrom(m.Local, local.Port())
	}
	sh.req.RemoteAddr, sh.req.LocalAddr = m.Peer, local
	w := &sh.writer
	w.shard, w.request, w.limit = sh, m, maxDatagram(m.Peer.Addr())
}

// answer calls the handler for one datagram and keeps the response, or returns why there is none.
func (sh *shard) answer(data []byte) DropReason {
	r, w := &sh.req, &sh.writer
	r.Data = data
	w.begin(sh.responses.buf)
	returned := sh.srv.panics.guard(sh.srv.ErrorLog, sh.handler, w, r)
	switch {
	case w.detached:
		return DropNone // booked when its handler is done, whatever came after
	case !returned:
		return DropPanic
	}
	reason := w.outcome()
	if reason == DropNone {
		sh.responses.add(w.buf)
	}
	return reason
}

// answerLater calls h for a request that the loop has let go of, and sends its response. Whatever h
// does, runtime.Goexit included, the request is booked.
func (sh *shard) answerLater(h Handler, w *ResponseWriter, r *Request) {
	reason := DropPanic
	defer func() {
		defer sh.later.Done()
		sh.finish(reason, w)
	}()
	if r.Context().Err() != nil {
		reason = DropBusy // the server has closed while it waited
		return
	}
	if sh.srv.panics.guard(sh.srv.ErrorLog, h, w, r) {
		reason = w.outcome()
	}
}

// finish books a request that was answered later.
func (sh *shard) finish(reason DropReason, w *ResponseWriter) {
	var dropped Drops
	switch m := w.request; {
	case w.detached: // once more: its copy will be booked
	case reason != DropNone:
		dropped[reason]++
		sh.tally.settled(0, &dropped)
	default:
		out := udp.Message{Buf: w.buf, Peer: m.Peer, Local: m.Local, IfIndex: m.IfIndex}
		sh.flush([]udp.Message{out}, &dropped)
	}
}

// flush sends out and books it, together with what was dropped before.
func (sh *shard) flush(out []udp.Message, dropped *Drops) {
	sh.write.Lock()
	defer sh.write.Unlock()
	answered, _ := udp.SendAll(sh.conn, out, func(_, _ int, err error) { dropped[sh.lost(err)]++ })
	sh.tally.settled(answered, dropped)
}

// lost is the reason for a datagram that the system refused with err.
func (sh *shard) lost(err error) DropReason {
	if udp.TooLong(err) {
		return DropTooLarge
	}
	sh.tally.writeError(udp.Name(err))
	return DropUnsent
}
