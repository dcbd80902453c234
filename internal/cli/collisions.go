package cli

import (
	"hash/maphash"
	"time"

	"github.com/ohce/ohce/flip"
)

// lateTime is how long a response to a retransmitted line can arrive after its exchange has ended.
const lateTime = 2 * time.Second

// collisions finds lines that must not share a socket. On a shared socket ohce finds the line of a
// response by the text of the response. Two lines collide if another transform turns one of them into
// the expected response of the other, as with "abc" and "ABC". If the server changed to that
// transform, ohce would take the response to one line for the response to the other.
type collisions struct {
	expected flip.Transform
	others   []flip.Transform
	seed     maphash.Seed
	right    map[uint64]int  // the number of lines by the hash of their expected response
	wrong    map[uint64]int  // the number of lines by the hash of a response of another transform
	late     []lateResponses // oldest first
	text     []byte
}

// responseHashes are the hashes of the responses of all transforms to a line.
type responseHashes struct {
	right uint64
	wrong []uint64 // those that differ from right
}

// lateResponses are the responses to a line that can arrive until a time.
type lateResponses struct {
	until time.Time
	responseHashes
}

// newCollisions returns an empty collisions. The server is expected to apply one of the transforms,
// and can change to any other of them.
func newCollisions(expected flip.Transform, transforms []flip.Transform) *collisions {
	c := &collisions{
		expected: expected, seed: maphash.MakeSeed(), right: make(map[uint64]int),
		wrong: make(map[uint64]int),
	}
	for _, t := range transforms {
		if t != expected {
			c.others = append(c.others, t)
		}
	}
	return c
}

// add adds a line. It returns false, and adds nothing, if the line collides with another one.
func (c *collisions) add(now time.Time, line []byte) (responseHashes, bool) {
	for len(c.late) > 0 && !now.Before(c.late[0].until) {
		c.forget(c.late[0].responseHashes)
		c.late = c.late[1:]
	}
	h := responseHashes{right: c.hash(c.expected, line)}
	collides := c.wrong[h.right] > 0
	for _, t := range c.others {
		if wrong := c.hash(t, line); wrong != h.right {
			h.wrong = append(h.wrong, wrong)
			collides = collides || c.right[wrong] > 0
		}
	}
	if collides {
		return responseHashes{}, false
	}
	c.right[h.right]++
	for _, wrong := range h.wrong {
		c.wrong[wrong]++
	}
	return h, true
}

// remove removes a line whose exchange has ended. If late is true, further responses can arrive, and
// the line counts for lateTime more.
func (c *collisions) remove(now time.Time, h responseHashes, late bool) {
	if late {
		c.late = append(c.late, lateResponses{now.Add(lateTime), h})
		return
	}
	c.forget(h)
}

func (c *collisions) forget(h responseHashes) {
	decrement(c.right, h.right)
	for _, wrong := range h.wrong {
		decrement(c.wrong, wrong)
	}
}

func decrement(counts map[uint64]int, hash uint64) {
	if counts[hash]--; counts[hash] == 0 {
		delete(counts, hash)
	}
}

func (c *collisions) hash(t flip.Transform, line []byte) uint64 {
	c.text = t.Append(c.text[:0], line)
	return maphash.Bytes(c.seed, c.text)
}
