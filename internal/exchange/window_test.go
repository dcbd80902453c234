package exchange

import (
	"testing"
	"time"
)

// A round describes the responses of one round trip.
type round struct {
	rtt      time.Duration
	answered int
	lost     int
	full     bool
}

// A simulatedWindow is a window with the number of the request that ends the round.
type simulatedWindow struct {
	*Window
	number uint64
}

func simulate(w *Window) *simulatedWindow {
	w.Answered(0, 1, 0, time.Time{}) // begin a round
	return &simulatedWindow{w, 1}
}

// run simulates rounds. The last response of each round answers a request that was sent in it.
func (w *simulatedWindow) run(now time.Time, rounds ...round) {
	for _, r := range rounds {
		if r.full {
			w.Filled()
		}
		for range r.lost {
			w.Lost()
		}
		for range r.answered - 1 {
			w.Answered(w.number-1, w.number+1, r.rtt, now)
		}
		w.Answered(w.number, w.number+1, r.rtt, now)
		w.number++
	}
}

// settledWindow returns a window of a given size after slow start. Heavy loss in the first round
// has halved it.
func settledWindow(size int) *simulatedWindow {
	w := simulate(&Window{Initial: 2 * size})
	w.run(time.Time{}, round{answered: 10, lost: 90})
	return w
}

func TestWindow(t *testing.T) {
	const base = 10 * time.Millisecond
	full := round{rtt: base, answered: 50, full: true}
	known := round{rtt: base, answered: 1}
	tests := []struct {
		name   string
		w      *simulatedWindow
		rounds []round
		want   int
	}{
		{"initial", simulate(&Window{}), nil, defaultMinWindow},
		{"initial of its own", simulate(&Window{Initial: 100}), nil, 100},
		{"minimum of its own", simulate(&Window{Min: 16}), nil, 16},
		{"slow start", simulate(&Window{}), []round{full, full, full}, defaultMinWindow + 150},
		{"slow start ends at the maximum", simulate(&Window{Initial: 4000}), []round{full, full, full}, defaultMaxWindow},
		{"maximum of its own", simulate(&Window{Max: 7}), []round{full, full}, 7},
		{"grows only if filled", simulate(&Window{}), []round{full, {rtt: base, answered: 3}}, defaultMinWindow + 50},
		{"grows by a sixteenth", settledWindow(320), []round{full}, 340},
		{"random loss", simulate(&Window{}), []round{{base, 70, 30, true}}, defaultMinWindow + 70},
		{"collapse", settledWindow(1000), []round{{base, 10, 90, true}}, 500},
		{
			"shrinks by what queues", settledWindow(1000),
			[]round{known, {base + 5*time.Millisecond, 900, 0, true}}, 766,
		},
		{
			"shrinks by half at most", settledWindow(1000),
			[]round{known, {10 * base, 900, 0, true}}, 500,
		},
		{
			"shrinks by what found no room in the queue", settledWindow(1000),
			[]round{known, {base + 5*time.Millisecond, 610, 390, true}}, 467,
		},
		{
			"a queue ends slow start", simulate(&Window{}),
			[]round{known, {base + 5*time.Millisecond, 600, 0, true}}, defaultMinWindow,
		},
		{
			"and takes back what exceeds a round", simulate(&Window{}),
			[]round{known, {base, 600, 0, true}, {base + 5*time.Millisecond, 700, 0, true}}, 460,
		},
		{
			"grows more slowly over a longer round trip", settledWindow(1000),
			[]round{{10 * base, 900, 0, true}, {10 * base, 900, 0, true}}, 1045,
		},
		{
			"stays with the wanted queue", settledWindow(1000),
			[]round{known, {base + targetDelay/2, 900, 0, true}}, 1000,
		},
		{
			"minimum", settledWindow(70),
			[]round{{base, 0, 99, true}, {base, 0, 99, true}, {base, 0, 99, true}}, defaultMinWindow,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.w.run(time.Time{}, tt.rounds...)
			if got := tt.w.Limit(); got != tt.want {
				t.Errorf("limit %d, want %d", got, tt.want)
			}
		})
	}
}

// TestWindowBaseExpires checks that the window grows again after the route has become longer.
func TestWindowBaseExpires(t *testing.T) {
	w, now := simulate(&Window{}), time.Unix(0, 0)
	w.run(now, round{rtt: time.Millisecond, answered: 1})
	for range 200 {
		now = now.Add(100 * time.Millisecond)
		w.run(now, round{rtt: 30 * time.Millisecond, answered: 1, full: true})
	}
	if got := w.Limit(); got < defaultMinWindow {
		t.Errorf("limit %d after 20 s on another route, want growth", got)
	}
}
