package dashboard

import (
	"bytes"
	"encoding/json"
	"time"
)

// A stream is an open connection that gets the figures.
type stream struct {
	// next holds the next bytes to write. If the reader is slow, newer ones replace them.
	next chan []byte
}

// offer makes b the next bytes of the stream. One goroutine at a time calls it.
func (s *stream) offer(b []byte) {
	for {
		select {
		case s.next <- b:
			return
		default:
		}
		select {
		case <-s.next:
		default:
		}
	}
}

// run takes a snapshot each Interval until Close. While there are streams, it lets the sampler take
// samples.
func (d *Dashboard) run() {
	defer close(d.ended)
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	refill := time.NewTicker(refillInterval)
	defer refill.Stop()
	refill.Stop()
	sampling := false
	d.advance(time.Now(), sampling)
	for {
		select {
		case <-d.stop:
			return
		case <-d.wake:
			if d.Sampler != nil && !sampling {
				sampling = true
				d.Sampler.refill()
				refill.Reset(refillInterval)
			}
		case <-refill.C:
			d.Sampler.refill()
		case now := <-tick.C:
			watched := d.advance(now, sampling)
			if sampling && !watched {
				sampling = false
				refill.Stop()
				d.Sampler.pause()
			}
		}
	}
}

// advance takes a snapshot and sends its figures to all streams. It reports whether there are any.
func (d *Dashboard) advance(now time.Time, sampling bool) (watched bool) {
	snapshot, state := d.Source(), ""
	if d.Ready != nil {
		if err := d.Ready(); err != nil {
			state = err.Error()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.figures.add(now, snapshot)
	f.State = state
	if sampling {
		f.Prefixes, f.Exchanges = d.Sampler.figures()
	}
	d.current, d.first = f, nil
	d.publish(f)
	return len(d.streams) > 0
}

// maxUpdates is the number of streams that get an update at each Interval. With twice as many, each
// stream gets two updates at once at every second Interval, and so on: a write costs the same for one
// update and for several.
const maxUpdates = 500

// publish sends an update to all streams, now or together with later ones. It must be called with mu
// held.
func (d *Dashboard) publish(f *frame) {
	if len(d.streams) == 0 {
		d.pending, d.combined = nil, 0
		return
	}
	d.pending = encode(d.pending, "update", f)
	if d.combined++; d.combined <= (len(d.streams)-1)/d.maxUpdates {
		return
	}
	for s := range d.streams {
		s.offer(d.pending)
	}
	d.pending, d.combined = nil, 0
}

// subscribe adds a stream, whose first bytes are the history and the current figures. It reports
// false if there are MaxStreams or the Dashboard is closed.
func (d *Dashboard) subscribe() (*stream, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.streams) == MaxStreams {
		return nil, false
	}
	if len(d.streams) == 0 {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	if d.first == nil {
		d.first = encode([]byte("retry: 2000\n\n"), "history", d.figures.history())
		if d.current != nil {
			d.first = encode(d.first, "update", d.current)
		}
	}
	s := &stream{next: make(chan []byte, 1)}
	s.offer(d.first)
	d.streams[s] = struct{}{}
	return s, true
}

func (d *Dashboard) unsubscribe(s *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.streams, s)
}

// encode appends a server-sent event with a JSON object to dst. (JSON has no line breaks.)
func encode(dst []byte, event string, v any) []byte {
	b := bytes.NewBuffer(dst)
	b.WriteString("event: " + event + "\ndata: ")
	if err := json.NewEncoder(b).Encode(v); err != nil {
		panic(err) // a defect of this package: the types have no value that JSON lacks
	}
	b.WriteByte('\n')
	return b.Bytes()
}
