package cli

import (
	"testing"
	"time"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

func TestFate(t *testing.T) {
	data, flipped := []byte("Hello"), []byte("Hellm")
	for _, tt := range []struct {
		arrivals []link.Arrival
		want     string
	}{
		{nil, "lost"},
		{[]link.Arrival{{Data: data}}, "passed"},
		{[]link.Arrival{{Data: data, After: 1234567 * time.Nanosecond}}, "after 1.235ms"},
		{[]link.Arrival{{Data: data[:1]}}, "passed, cut to 1 byte"},
		{[]link.Arrival{{Data: flipped}}, "passed, corrupted"},
		{[]link.Arrival{{Data: []byte("hel")}}, "passed, cut to 3 bytes, corrupted"},
		{[]link.Arrival{{Data: data, Rebind: true}, {Data: flipped, After: time.Second}},
			"passed, from a new port, copy after 1s, corrupted"},
	} {
		if got := fate(relay.Event{Data: data, Arrivals: tt.arrivals}); got != tt.want {
			t.Errorf("fate of %v: %q, want %q", tt.arrivals, got, tt.want)
		}
	}
}
