package relay

import (
	"container/heap"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// A later keeps datagrams until they are due.
type delayQueue struct {
	epoch  time.Time
	max    int       // bytes
	alarm  udp.Alarm // set to when the first one is due
	closed chan struct{}

	mu    sync.Mutex
	woken time.Duration // when something was last sent
	queue dueQueue
	order uint64 // so that of two at one time the first comes first
	bytes int
	count [2]uint64 // down, up
	free  []*delayed
	empty chan struct{} // closed when no datagram is left, if not nil
}

// A delayed is a datagram on its way.
type delayed struct {
	due     time.Duration // since the epoch
	order   uint64
	mapping *mapping
	up      bool
	data    []byte
}

// minInterval is how long the next wake-up is put off after one, so that a busy link is not woken up for each
// datagram: what is due meanwhile goes together.
const minInterval = 200 * time.Microsecond

// maxFree is how many used records wait to be used again, with their buffers.
const maxFree = 4096

func newDelayQueue(most int, epoch time.Time) *delayQueue {
	return &delayQueue{epoch: epoch, max: most, alarm: udp.NewAlarm(), closed: make(chan struct{})}
}

// add takes a copy of data, or returns false where there is no room.
func (l *delayQueue) add(due time.Time, p *mapping, up bool, data []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes+len(data) > l.max {
		return false
	}
	d := l.record()
	d.due, d.order, d.mapping, d.up = due.Sub(l.epoch), l.order, p, up
	d.data = append(d.data[:0], data...)
	l.order++
	l.bytes += len(data)
	l.count[way(up)]++
	p.waiting.Add(1)
	heap.Push(&l.queue, d)
	if l.queue[0] == d {
		l.arm(time.Since(l.epoch))
	}
	return true
}

func (l *delayQueue) record() *delayed {
	if n := len(l.free); n > 0 {
		d := l.free[n-1]
		l.free = l.free[:n-1]
		return d
	}
	return &delayed{}
}

// due appends what is due, up to a number. Where nothing is, the alarm is set.
func (l *delayQueue) due(dst []*delayed, most int) []*delayed {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.epoch)
	for len(l.queue) > 0 && len(dst) < most && l.queue[0].due <= now {
		d := heap.Pop(&l.queue).(*delayed)
		l.bytes -= len(d.data)
		dst = append(dst, d)
	}
	switch {
	case len(dst) > 0:
		l.woken = now
	case len(l.queue) > 0:
		l.arm(now)
	}
	return dst
}

// arm sets the alarm to when the first one is due. It is called with mu held.
func (l *delayQueue) arm(now time.Duration) {
	l.alarm.Set(max(l.queue[0].due, l.woken+minInterval) - now)
}

// release takes back the records of what was sent.
func (l *delayQueue) release(ds []*delayed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, d := range ds {
		l.count[way(d.up)]--
		d.mapping.use(now) // before nothing waits for it
		d.mapping.waiting.Add(-1)
		d.mapping = nil
		if len(l.free) < maxFree {
			l.free = append(l.free, d)
		}
	}
	if l.empty != nil && l.count == [2]uint64{} {
		close(l.empty)
		l.empty = nil
	}
}

// whenEmpty returns a channel that is closed once no datagram is delayed.
func (l *delayQueue) whenEmpty() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	empty := l.empty
	if empty == nil {
		empty = make(chan struct{})
		if l.count == [2]uint64{} {
			close(empty)
		} else {
			l.empty = empty
		}
	}
	return empty
}

func (l *delayQueue) waiting() (up, down uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count[1], l.count[0]
}

func (l *delayQueue) close() {
	close(l.closed)
	l.alarm.Close()
}

func way(up bool) int {
	if up {
		return 1
	}
	return 0
}

// deliverDelayed sends what was delayed when it is due.
func (r *Relay) deliverDelayed() {
	const most = 256
	due := make([]*delayed, 0, most)
	for {
		if due = r.delays.due(due[:0], most); len(due) > 0 {
			r.sendDelayed(due)
			r.delays.release(due)
			continue
		}
		if r.delays.alarm.Wait() != nil {
			return
		}
	}
}

// sendDelayed sends datagrams, those of a socket together.
func (r *Relay) sendDelayed(due []*delayed) {
	var mappings []*mapping
	for _, d := range due {
		p := d.mapping
		switch {
		case !d.up:
			p.listener.due = append(p.listener.due, p.message(d.data))
		default:
			if len(p.due) == 0 {
				mappings = append(mappings, p)
			}
			p.due = append(p.due, udp.Message{Buf: d.data})
		}
	}
	for _, p := range mappings {
		p.send(p.due)
		p.due = emptied(p.due)
	}
	for _, f := range r.listeners {
		f.send(f.due, &r.down)
		f.due = emptied(f.due)
	}
}

// emptied keeps the room and lets go of the bytes.
func emptied(ms []udp.Message) []udp.Message {
	clear(ms)
	return ms[:0]
}

// A dueQueue is a heap of what is due first.
type dueQueue []*delayed

func (q dueQueue) Len() int { return len(q) }
func (q dueQueue) Less(i, j int) bool {
	return q[i].due < q[j].due || q[i].due == q[j].due && q[i].order < q[j].order
}
func (q dueQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *dueQueue) Push(x any)   { *q = append(*q, x.(*delayed)) }
func (q *dueQueue) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return d
}
