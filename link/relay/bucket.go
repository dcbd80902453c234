package relay

import "time"

// A bucket is a token bucket that limits new mappings. It holds the tokens of one second at most,
// and is full at first.
type bucket struct {
	perSecond int
	used      time.Duration // the time that the taken tokens need to grow again
	last      time.Duration // time of the last call of take
}

// take takes a token. It reports false if there is none. The times of consecutive calls must not
// decrease.
func (b *bucket) take(now time.Duration) bool {
	b.used = max(0, b.used-(now-b.last))
	b.last = now
	token := time.Second / time.Duration(b.perSecond)
	if b.used+token > time.Second {
		return false
	}
	b.used += token
	return true
}
