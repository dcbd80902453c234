package ohce

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/batch"
)

// A shard is one socket and the loop that serves it:
//
//	run → serve → admit → answer → flush
//
// All of it is on one goroutine and on memory that the shard owns, so nothing is copied, locked or
// allocated for a datagram.
type shard struct {
	srv     *Server
	conn    batch.Conn
	handler Handler
	refuse  *guard.PortSet
	repeats *guard.Repeats
	max     int           // longest request, in bytes
	stop    chan struct{} // closed when the server closes

	in      []batch.Message // one a slot, as are reqs and writers
	reqs    []Request
	writers []ResponseWriter

	out []batch.Message

	write sync.Mutex     // guards conn.Write, which handlers that answer later call too
	later sync.WaitGroup // responses under way that the loop does not wait for
	tally tally
}

func newShard(ctx context.Context, s *Server, conn batch.Conn, refuse *guard.PortSet) *shard {
	width := conn.Width()
	sh := &shard{
		srv: s, conn: conn, handler: s.Handler, refuse: refuse, max: s.BufferSize, stop: s.stopped(),
		repeats: guard.NewRepeats(s.RepeatLimit),
		in:      make([]batch.Message, width), out: make([]batch.Message, 0, width),
		reqs: make([]Request, width), writers: make([]ResponseWriter, width),
	}
	if sh.handler == nil {
		sh.handler = HandlerFunc(echo)
	}
	if sh.max == 0 {
		sh.max = maxBuffer
	}
	size := sh.max + 1 // a datagram that fills it is too long, on systems that do not tell
	bufs := make([]byte, width*size)
	for i := range sh.in {
		sh.in[i].Buf = bufs[i*size : (i+1)*size : (i+1)*size]
		sh.reqs[i].ctx = ctx
	}
	return sh
}

// run serves the socket until it is drained or closed (nil) or unusable (the error).
func (sh *shard) run() error {
	failures := 0
	for {
		n, err := sh.conn.Read(sh.in)
		switch {
		case err == nil:
			failures = 0
			sh.serve(n)
		case errors.Is(err, net.ErrClosed):
			return nil
		case batch.Transient(err):
			sh.tally.readError()
			failures++
			sh.pause(failures)
		default:
			return &OpError{Op: "serve", Addr: sh.conn.LocalAddr().String(), Err: err}
		}
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
	select {
	case <-wait.C:
	case <-sh.stop:
	}
}

// serve answers the first n messages of in.
func (sh *shard) serve(n int) {
	sh.tally.received(n)
	var dropped Drops
	out := sh.out[:0]
	for i := range n {
		reason := sh.admit(&sh.in[i])
		if reason == DropNone {
			reason = sh.answer(i)
		}
		switch w := &sh.writers[i]; {
		case reason != DropNone:
			dropped[reason]++
		case w.detached:
			// Booked when its handler is done.
		default:
			out = append(out, w.outgoing())
		}
	}
	sh.flush(out, &dropped)
}

// admit says whether a datagram gets to the handler.
func (sh *shard) admit(m *batch.Message) DropReason {
	switch {
	case m.Truncated || len(m.Buf) > sh.max:
		return DropOversize
	case sh.refuse.Contains(m.Peer.Port()), sh.repeats.TooMany(m.Peer, len(m.Buf)):
		return DropLoop
	default:
		return DropNone
	}
}

// answer calls the handler for the message in a slot and says what becomes of the response.
func (sh *shard) answer(slot int) DropReason {
	m, r, w := &sh.in[slot], &sh.reqs[slot], &sh.writers[slot]
	local := sh.conn.LocalAddr()
	r.Data = m.Buf
	r.RemoteAddr = m.Peer
	r.LocalAddr = local
	if m.Local.IsValid() {
		r.LocalAddr = netip.AddrPortFrom(m.Local, local.Port())
	}
	w.begin(sh, m)
	returned := sh.srv.panics.guard(sh.srv.ErrorLog, sh.handler, w, r)
	switch {
	case w.detached:
		return DropNone // whatever came after, the response is under way
	case !returned:
		return DropPanic
	default:
		return w.outcome()
	}
}

// answerLater calls h for a request that the loop has let go of, and sends its response.
func (sh *shard) answerLater(h Handler, w *ResponseWriter, r *Request) {
	defer sh.later.Done()
	reason := DropPanic
	if sh.srv.panics.guard(sh.srv.ErrorLog, h, w, r) {
		reason = w.outcome()
	}
	var dropped Drops
	switch {
	case w.detached: // once more
	case reason != DropNone:
		dropped[reason]++
		sh.tally.settled(0, &dropped)
	default:
		sh.flush([]batch.Message{w.outgoing()}, &dropped)
	}
}

// flush sends out and books it, together with what was dropped before. A datagram that the system
// refuses is lost; those behind it are sent all the same.
func (sh *shard) flush(out []batch.Message, dropped *Drops) {
	sh.write.Lock()
	defer sh.write.Unlock()
	answered := 0
	for len(out) > 0 {
		n, err := sh.conn.Write(out)
		answered += n
		if err == nil {
			break
		}
		dropped[sh.lost(err)]++
		out = out[n+1:]
	}
	sh.tally.settled(answered, dropped)
}

// lost is the reason for a datagram that the system refused with err.
func (sh *shard) lost(err error) DropReason {
	if batch.TooLong(err) {
		return DropTooLarge
	}
	sh.tally.writeError(batch.Name(err))
	return DropUnsent
}
