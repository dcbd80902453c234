package relay

import (
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

// minInterval is the shortest time between two wake-ups, so that a busy link sends batches. Timer
// interrupts for single datagrams would take a noticeable part of a CPU at 10 Mbit/s.
const minInterval = 200 * time.Microsecond

// A delayer holds datagrams until they are due. It adds a lock, a clock and a timer to a
// delayQueue.
type delayer struct {
	epoch  time.Time
	timer  udp.Timer // set to the first due time
	closed chan struct{}

	mu    sync.Mutex
	woken time.Duration // time of the last delivery
	queue delayQueue
	count [2]uint64     // delayed datagrams down and up
	empty chan struct{} // if non-nil, closed when no datagram is left
}

func newDelayer(maxBytes int, epoch time.Time) *delayer {
	return &delayer{
		epoch: epoch, timer: udp.NewTimer(), closed: make(chan struct{}),
		queue: delayQueue{maxBytes: maxBytes},
	}
}

// add holds a copy of data for m. It reports false if the queue has no room.
func (d *delayer) add(due time.Time, m *mapping, up bool, data []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := due.Sub(d.epoch)
	if !d.queue.add(at, m, up, data) {
		return false
	}
	d.count[direction(up)]++
	m.waiting.Add(1)
	if next, _ := d.queue.next(); next == at {
		d.arm(time.Since(d.epoch))
	}
	return true
}

// due appends at most limit datagrams that are due. If there are none, it sets the timer.
func (d *delayer) due(dst []*delayed, limit int) []*delayed {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Since(d.epoch)
	if dst = d.queue.pop(dst, now, limit); len(dst) > 0 {
		d.woken = now
	} else {
		d.arm(now)
	}
	return dst
}

// arm sets the timer to the first due time. The caller holds mu.
func (d *delayer) arm(now time.Duration) {
	if next, ok := d.queue.next(); ok {
		d.timer.Set(max(next, d.woken+minInterval) - now)
	}
}

// sent releases datagrams from due.
func (d *delayer) sent(ds []*delayed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, one := range ds {
		d.count[direction(one.up)]--
		one.mapping.use(now) // before waiting decreases; see expire
		one.mapping.waiting.Add(-1)
		d.queue.release(one)
	}
	if d.empty != nil && d.count == [2]uint64{} {
		close(d.empty)
		d.empty = nil
	}
}

// whenEmpty returns a channel that is closed once no datagram is delayed.
func (d *delayer) whenEmpty() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	empty := d.empty
	if empty == nil {
		empty = make(chan struct{})
		if d.count == [2]uint64{} {
			close(empty)
		} else {
			d.empty = empty
		}
	}
	return empty
}

// waiting returns the number of delayed datagrams.
func (d *delayer) waiting() (up, down uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count[1], d.count[0]
}

func (d *delayer) close() {
	close(d.closed)
	d.timer.Close()
}

// direction returns the index of a direction in delayer.count.
func direction(up bool) int {
	if up {
		return 1
	}
	return 0
}

// delay holds a datagram until it arrives. The caller holds mu.
func (r *Relay) delay(now time.Time, m *mapping, up bool, a link.Arrival) {
	switch {
	case r.delays.add(now.Add(a.After), m, up, a.Data):
	case up:
		r.stats.Up.BufferFull++
	default:
		r.stats.Down.BufferFull++
	}
}

// deliverDelayed sends delayed datagrams when they are due, until the delayer is closed.
func (r *Relay) deliverDelayed() {
	const limit = 256
	due := make([]*delayed, 0, limit)
	var mappings []*mapping
	for {
		if due = r.delays.due(due[:0], limit); len(due) > 0 {
			mappings = r.sendDelayed(due, mappings[:0])
			r.delays.sent(due)
			clear(due)
			clear(mappings)
			r.progress()
			continue
		}
		if r.delays.timer.Wait() != nil {
			return
		}
	}
}

// sendDelayed sends datagrams in one batch for each socket. It appends the mappings that it used.
func (r *Relay) sendDelayed(due []*delayed, mappings []*mapping) []*mapping {
	for _, d := range due {
		m := d.mapping
		if l := m.key.listener; !d.up {
			if l.due == nil {
				l.due = newBatch(l.conn)
			}
			l.due.Messages = append(l.due.Messages, m.message(d.data))
			continue
		}
		if m.due == nil {
			m.due = newBatch(m.conn)
			mappings = append(mappings, m)
		}
		m.due.Messages = append(m.due.Messages, udp.Message{Buf: d.data})
	}
	for _, m := range mappings {
		m.send(m.due.Messages)
		releaseBatch(m.due)
		m.due = nil
	}
	for _, l := range r.listeners {
		if l.due != nil {
			l.send(l.due.Messages)
			releaseBatch(l.due)
			l.due = nil
		}
	}
	return mappings
}
