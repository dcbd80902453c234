package exchange

import "time"

// The parameters of a Pacer.
const (
	// pacingGain is the ratio of the sending rate to the rate of responses; above 1 the window can
	// grow.
	pacingGain = 1.25
	// minBurst is the number of datagrams that may be sent at once at any rate.
	minBurst = 32
	// unpacedBurst is the number of datagrams that may be sent at once before a round-trip time is
	// known.
	unpacedBurst = defaultMaxWindow
	// minPacingDelay is the shortest delay that a Pacer asks for. Timers are not finer.
	minPacingDelay = 10 * time.Microsecond
)

// A Pacer spaces transmissions: what a window has room for is not sent in one burst, because queues
// on the way are short, but at a rate a little above that of the responses. It is a token bucket.
// The zero value is ready for use.
type Pacer struct {
	tokens float64 // datagrams that may be sent now
	last   time.Time
}

// Allowed returns how many datagrams may be sent now by a window of limit requests over a round
// trip of srtt. If it is 0, delay is the time until one may be sent. Before a round-trip time is
// known (srtt is 0) there is no pacing.
func (p *Pacer) Allowed(now time.Time, srtt time.Duration, limit int) (n int, delay time.Duration) {
	if srtt == 0 {
		p.tokens, p.last = minBurst, now
		return unpacedBurst, 0
	}
	rate := pacingGain * float64(limit) / srtt.Seconds()
	burst := max(minBurst, rate*targetDelay.Seconds())
	p.tokens = min(burst, p.tokens+rate*max(now.Sub(p.last), 0).Seconds())
	p.last = now
	if p.tokens >= 1 {
		return int(p.tokens), 0
	}
	return 0, max(time.Duration((1-p.tokens)/rate*float64(time.Second)), minPacingDelay)
}

// Sent notes n transmissions.
func (p *Pacer) Sent(n int) { p.tokens = max(0, p.tokens-float64(n)) }
