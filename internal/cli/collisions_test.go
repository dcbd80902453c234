package cli

import (
	"testing"
	"time"

	"github.com/ohce/ohce/flip"
)

func TestCollisions(t *testing.T) {
	d := newDetector(false)
	for _, tt := range []struct {
		first, second string
		collide       bool
	}{
		{"Hello", "World", false},
		{"Hello", "Hello", false}, // both have the same response
		{"Hello", "hELLO", true},  // reverse of one is flip of the other
		{"Hello", "olleH", true},  // swapcase of one is flip of the other
		{"Hello", "OLLEh", true},  // echo of one is flip of the other
		{"a", "A", true},
		{"12", "21", true},
		{"12", "12", false},
		{"", "", false},
		{"", "a", false},
	} {
		c := newCollisions(flip.Transform{Reverse: true, SwapCase: true}, d.transforms)
		now := time.Now()
		h, ok := c.add(now, []byte(tt.first))
		if !ok {
			t.Errorf("%q collides with nothing", tt.first)
		}
		if _, ok := c.add(now, []byte(tt.second)); ok == tt.collide {
			t.Errorf("%q and %q collide: %v, want %v", tt.first, tt.second, !ok, tt.collide)
		}
		c.remove(now, h, false)
		if h, ok := c.add(now, []byte(tt.second)); !ok {
			t.Errorf("%q collides with %q, whose exchange has ended", tt.second, tt.first)
		} else {
			c.remove(now, h, false)
		}
	}
}

// Late responses to a retransmitted line can arrive after its exchange has ended.
func TestCollisionsWithLateResponses(t *testing.T) {
	c := newCollisions(flip.Transform{}, newDetector(false).transforms)
	now := time.Now()
	h, _ := c.add(now, []byte("ab"))
	c.remove(now, h, true)
	if _, ok := c.add(now.Add(lateTime-1), []byte("ba")); ok {
		t.Error("a line shares the socket although ohce could take a late response to another line for its response")
	}
	h, ok := c.add(now.Add(lateTime), []byte("ba"))
	if !ok {
		t.Error("a line collides with one whose responses can no longer arrive")
	}
	c.remove(now, h, false)
	if len(c.right)+len(c.wrong)+len(c.late) != 0 {
		t.Errorf("%d, %d and %d entries are left", len(c.right), len(c.wrong), len(c.late))
	}
}
