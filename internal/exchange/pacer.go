package exchange

import "time"

// The parameters of a Pacer.
const (
	// pacingGain is the ratio of the sending rate to the rate of responses. It exceeds 1 so that
	// the window can grow.
	pacingGain = 1.25
	// minBurst is the smallest burst in datagrams, at any rate.
	minBurst = 32
	// unpacedBurst is the burst in datagrams before a round-trip time is known.
	unpacedBurst = defaultMaxWindow
	// minPacingDelay is the shortest delay that a Pacer returns. Timers have no finer resolution.
	minPacingDelay = 10 * time.Microsecond
)

// A Pacer spaces transmissions. Instead of filling a window in one burst, which overflows short
// queues in the network, it sends at a rate slightly above that of the responses. It is a token
// bucket. The zero value is ready for use.
type Pacer struct {
	// Disabled lifts the limit.
	Disabled bool

	tokens float64 // datagrams that may be sent now
	last   time.Time
}

// Allowed returns how many datagrams may be sent now, given a window of limit requests and a
// smoothed round-trip time of srtt. If n is 0, delay is the time until one may be sent. If srtt is
// 0 or the pacer is disabled, there is no pacing.
func (p *Pacer) Allowed(now time.Time, srtt time.Duration, limit int) (n int, delay time.Duration) {
	if p.Disabled || srtt == 0 {
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

// Sent records n transmissions.
func (p *Pacer) Sent(n int) { p.tokens = max(0, p.tokens-float64(n)) }
