package ohce

import (
	"testing"
	"time"
)

// A roundOf is a round trip's worth of answers.
type roundOf struct {
	rtt      time.Duration
	answered int
	lost     int
	full     bool
}

func TestWindow(t *testing.T) {
	const base = 10 * time.Millisecond
	full := roundOf{rtt: base, answered: 50, full: true}
	tests := []struct {
		name   string
		w      window
		rounds []roundOf
		want   int
	}{
		{"nothing known", window{}, nil, windowFirst},
		{"grows by one an answer while nothing queues", window{}, []roundOf{full, full, full}, windowFirst + 150},
		{"not past its bound", window{size: 4000}, []roundOf{full, full, full}, windowMost},
		{"not past the caller's bound", window{most: 7}, []roundOf{full, full}, 7},
		{"not untried", window{}, []roundOf{{rtt: base, answered: 50}, {rtt: base, answered: 3}}, windowFirst},
		{"grows gently once it has shrunk", window{size: 320, slow: true}, []roundOf{full}, 340},
		{"random loss says nothing", window{}, []roundOf{{base, 70, 30, true}}, windowFirst + 70},
		{"collapse does", window{size: 1000, slow: true}, []roundOf{{base, 10, 90, true}}, 500},
		{
			"gives back what queues", window{size: 1000, slow: true},
			[]roundOf{{base, 1, 0, false}, {base + 5*time.Millisecond, 900, 0, true}}, 766,
		},
		{
			"but not more than half", window{size: 1000, slow: true},
			[]roundOf{{base, 1, 0, false}, {10 * base, 900, 0, true}}, 500,
		},
		{
			"nor keeps what found no room", window{size: 1000, slow: true},
			[]roundOf{{base, 1, 0, false}, {base + 5*time.Millisecond, 610, 390, true}}, 467,
		},
		{
			"a queue ends the first growth", window{},
			[]roundOf{{base, 1, 0, false}, {base + 5*time.Millisecond, 600, 0, true}}, windowLeast,
		},
		{
			"and takes back what it went too far", window{},
			[]roundOf{{base, 1, 0, false}, {base, 600, 0, true}, {base + 5*time.Millisecond, 700, 0, true}}, 460,
		},
		{
			"grows the more gently the longer the way is", window{size: 1000, slow: true},
			[]roundOf{{10 * base, 900, 0, true}, {10 * base, 900, 0, true}}, 1045,
		},
		{
			"stays where a little queues", window{size: 1000, slow: true},
			[]roundOf{{base, 1, 0, false}, {base + 3*time.Millisecond/2, 900, 0, true}}, 1000,
		},
		{
			"never too small to learn", window{size: 40},
			[]roundOf{{base, 0, 99, true}, {base, 0, 99, true}, {base, 0, 99, true}}, windowLeast,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, number, now := tt.w, uint64(0), time.Now()
			w.round = 1
			for _, r := range tt.rounds {
				w.full = r.full
				for range r.lost {
					w.loss()
				}
				for i := range max(r.answered, 1) {
					last := i >= r.answered-1
					if last {
						number = w.round
					}
					w.answer(number, w.round+1, r.rtt, now)
					number = 0
				}
			}
			if got := w.limit(); got != tt.want {
				t.Errorf("limit %d, want %d", got, tt.want)
			}
		})
	}
}

// TestWindowForgetsAShortestRoundTrip: a route that got longer is not taken for a queue for ever.
func TestWindowForgetsAShortestRoundTrip(t *testing.T) {
	w, now := window{}, time.Now()
	w.answer(1, 2, time.Millisecond, now)
	for i := uint64(2); i < 200; i++ {
		now = now.Add(100 * time.Millisecond)
		w.full = true
		w.answer(i, i+1, 30*time.Millisecond, now)
	}
	if got := w.limit(); got < windowFirst {
		t.Errorf("limit %d after 20 s of another route, want it to have grown again", got)
	}
}
