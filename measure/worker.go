package measure

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// maxWait is how long a worker waits before it looks whether its context is done.
const maxWait = 50 * time.Millisecond

// A share is the part of the requests that a worker sends: those of its clients.
type share struct {
	index, workers int
	clients        int // of all workers
}

// A worker sends the requests of a group of clients and receives their responses, on one goroutine:
//
//	until → receive → add → flush → until → …
type worker struct {
	load      *Load
	group     clientGroup
	collector *collector
	begun     time.Time // set before run
	share     share
	ms        []udp.Message
	sums      *sums
	lost      func(uint64) // counts a lost request; stored to avoid an allocation

	now      time.Duration // the time when the worker last looked at the clock
	interval time.Duration // when the interval ends
	expiry   time.Duration // no request expires before
	queued   int           // requests in batches
	flushAt  time.Duration // when they are sent at the latest; meaningless if there are none
	sending  []*loadClient // those with a batch
	done     atomic.Bool   // ctx is done
}

func newWorker(l *Load, g clientGroup, c *collector, s share) *worker {
	w := &worker{
		load: l, group: g, collector: c, share: s,
		interval: l.interval(), sums: newSums(),
	}
	socket := g.clients[0].socket
	size := max(readBuffer, socket.MinReadBuffer())
	w.ms = make([]udp.Message, socket.Width())
	bufs := make([]byte, len(w.ms)*size)
	for i := range w.ms {
		w.ms[i].Buf = bufs[i*size : (i+1)*size : (i+1)*size]
	}
	w.lost = func(uint64) { w.sums.Lost++ }
	return w
}

// readBuffer is the length in bytes of the longest response.
const readBuffer = 1 << 16

// run sends the worker's requests and waits until they have ended or ctx is done.
func (w *worker) run(ctx context.Context, due iter.Seq[time.Duration]) {
	stop := context.AfterFunc(ctx, func() { w.done.Store(true) })
	defer stop()
	w.done.Store(ctx.Err() != nil)
	ready := w.until
	if w.load.Closed > 0 {
		ready = w.untilFree
	}
	n, next := 0, turn{}
	for at := range due {
		this := next
		n, next = n+1, next.after(w.share)
		if this.worker != w.share.index {
			continue
		}
		c := w.group.clients[this.place]
		if !ready(c, at) {
			break
		}
		w.add(c, n, at)
	}
	w.flush()
	for w.pending() > 0 && !w.done.Load() {
		w.receive(w.now + maxWait)
	}
	for _, c := range w.group.clients {
		w.sums.ambiguous += int(c.attempts.Ambiguous())
	}
	w.publish()
}

// A turn says which client sends a request. The clients take turns, and so do the workers to which
// they belong.
type turn struct {
	client int // from 0 to share.clients-1
	worker int // client modulo share.workers
	place  int // of the client among those of its worker: client divided by share.workers
}

// after returns the next turn. It needs no division.
func (t turn) after(s share) turn {
	if t.client++; t.client == s.clients {
		return turn{}
	}
	if t.worker++; t.worker == s.workers {
		t.worker = 0
		t.place++
	}
	return t
}

// until waits until a request is due. It returns false if the worker must stop.
func (w *worker) until(_ *loadClient, at time.Duration) bool {
	if w.now >= at {
		return !w.done.Load()
	}
	for w.tick(); w.now < at; {
		if w.done.Load() {
			return false
		}
		if w.queued > 0 && w.now >= w.flushAt {
			w.flush()
			continue
		}
		until := at
		if w.queued > 0 {
			until = min(until, w.flushAt)
		}
		w.receive(until)
	}
	return !w.done.Load()
}

// untilFree waits until fewer requests are in flight than a closed loop allows, and c has room for
// another one. It returns false if the worker must stop or the loop has ended.
func (w *worker) untilFree(c *loadClient, _ time.Duration) bool {
	most := w.load.Closed / w.share.workers
	if w.share.index < w.load.Closed%w.share.workers {
		most++
	}
	for (w.pending() >= most || c.attempts.Full()) && !w.done.Load() {
		w.flush()
		w.receive(w.now + maxWait)
	}
	return !w.done.Load() && (w.load.Duration <= 0 || w.now < w.load.Duration)
}

// add queues a request for transmission.
func (w *worker) add(c *loadClient, n int, at time.Duration) {
	w.sums.asked++
	w.sums.lastDue = max(w.sums.lastDue, at)
	if w.load.Closed > 0 {
		at = w.now
	} else if w.now-at > w.load.timeout() {
		c.skip()
		w.sums.Own.Missed++
		w.sums.skipped++
		if w.sums.skipped%maxSkipped == 0 {
			w.poll()
		}
		return
	}
	if !c.add(at, func(dst []byte) []byte { return w.load.request(dst, n) }) {
		w.sums.Own.Refused++
		return
	}
	if len(c.queued) == 1 {
		w.sending = append(w.sending, c)
	}
	if w.queued == 0 && w.load.Segments {
		w.flushAt = at + maxSegmentDelay
	}
	if w.queued++; c.full() || w.queued >= maxSegments {
		w.poll()
	}
}

// maxSegmentDelay is how long a request waits for others that can share a packet with it. A packet
// with few segments costs as much as one with many.
const maxSegmentDelay = 50 * time.Microsecond

// maxSkipped is how many requests are skipped before the worker looks at the clock again.
const maxSkipped = 1024

// poll sends the batches and receives the responses that are queued.
func (w *worker) poll() {
	w.flush()
	w.receive(w.now)
}

// flush sends the batches.
func (w *worker) flush() {
	for _, c := range w.sending {
		w.tick()
		if c.send(w.now) > 0 {
			w.sums.Refused += c.attempts.Unreachable()
		}
		for _, q := range c.queued {
			if q.unsent {
				w.sums.Own.Refused++
			} else {
				w.sums.addSent(w.now - q.due)
			}
		}
		w.sums.lastSent = w.now
		c.reset()
	}
	w.sending, w.queued = w.sending[:0], 0
}

// receive waits until a time for datagrams, and no longer than until a request expires, and
// classifies them.
func (w *worker) receive(until time.Duration) {
	until = min(until, w.now+maxWait, w.interval)
	if w.expiry > w.now {
		until = min(until, w.expiry)
	}
	socket, n, err := w.group.receiver.Receive(w.ms, w.begun.Add(until))
	w.tick()
	if err != nil {
		w.failed(w.group.clients[socket], err)
		return
	}
	c := w.group.clients[socket]
	for i := range w.ms[:n] {
		m := &w.ms[i]
		if m.Arrived > 0 {
			w.sums.delay.add(w.begun.Add(w.now).Sub(time.Unix(0, m.Arrived)))
		}
		for data := range m.Datagrams() {
			w.received(c, data)
		}
	}
	if w.now >= w.expiry {
		w.expire()
	}
}

// expire ends the requests whose time has expired. Those that are sent later expire no earlier than
// the timeout from now.
func (w *worker) expire() {
	w.expiry = w.now + w.load.timeout()
	for _, c := range w.group.clients {
		c.attempts.Expire(w.now, w.lost)
		if at, ok := c.attempts.Deadline(); ok {
			w.expiry = min(w.expiry, at)
		}
	}
}

// received classifies a datagram.
func (w *worker) received(c *loadClient, data []byte) {
	a := w.find(c, data)
	s := w.sums
	s.arrived++
	wrong := c.requests != nil && (a.Answered || a.Reason != exchange.Unexpected) &&
		!w.load.right(c.request(a.Number), data)
	switch {
	case a.Answered && wrong:
		s.Wrong++
	case wrong: // it answers no request, as it is neither a copy of a response nor a late one
		s.Unexpected++
	case a.Answered:
		if a.Reordered {
			s.Reordered++
		}
		s.addAnswered(Sample{RTT: w.now - a.Sent, Latency: w.now - a.Due})
	case a.Reason == exchange.Late:
		s.Late++
		s.Lost--
	case a.Reason == exchange.Duplicate:
		s.Duplicates++
	default:
		s.Unexpected++
	}
}

// find returns what a datagram is.
func (w *worker) find(c *loadClient, data []byte) exchange.Arrival {
	if w.load.Number == nil {
		return c.attempts.Received(w.now, data, w.lost)
	}
	n, ok := w.load.Number(data)
	if w.share.clients == 1 && ok && n >= 1 { // without divisions
		return c.attempts.ReceivedNumber(w.now, uint64(n-1), w.lost)
	}
	if !ok || n < 1 || w.group.clients[(n-1)%w.share.clients/w.share.workers] != c {
		return exchange.Arrival{Reason: exchange.Unexpected}
	}
	return c.attempts.ReceivedNumber(w.now, uint64((n-1)/w.share.clients), w.lost)
}

// failed handles a failed read.
func (w *worker) failed(c *loadClient, err error) {
	switch {
	case udp.Refused(err):
		w.sums.Refused += c.attempts.Unreachable()
	case isUnreachable(err):
		w.sums.Unreachable += c.attempts.Unreachable()
	default:
		w.sums.readErrors++
	}
}

// pending returns the number of requests in flight and in batches.
func (w *worker) pending() (n int) {
	for _, c := range w.group.clients {
		n += c.attempts.Pending()
	}
	return n
}

// tick looks at the clock and ends the interval if its time has passed.
func (w *worker) tick() {
	w.now = time.Since(w.begun)
	if w.now >= w.interval {
		w.publish()
	}
}

// publish passes the sums of the interval to the collector and begins the next one.
func (w *worker) publish() {
	for _, c := range w.group.clients {
		w.sums.overflow += c.dropped()
	}
	length := w.load.interval()
	w.sums = w.collector.add(w.share.index, int(w.interval/length)-1, w.sums)
	w.interval = w.now - w.now%length + length
}

func (w *worker) close() {
	w.group.receiver.Close()
	closeClients(w.group.clients)
	w.collector.ended(w.share.index)
}
