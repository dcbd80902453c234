package link

// A chance identifies one of the random decisions about a datagram.
type chance uint64

const (
	chanceState chance = iota
	chanceLoss
	chanceDelay
	chanceDelayOfCopy
	chanceDuplicate
	chanceTruncate
	chanceLength
	chanceCorrupt
	chanceBit

	chanceSecond chance = 32 // added to a chance that needs a second number
)

// draw returns the number in [0, 1) for a decision about the current datagram.
func (d *direction) draw(c chance) float64 {
	return float64(mix(mix(d.seed+d.n)+uint64(c))>>11) / (1 << 53)
}

func (d *direction) happens(c chance, probability float64) bool {
	return probability > 0 && d.draw(c) < probability
}

// mix applies the output function of SplitMix64 (Steele, Lea and Flood, 2014) to a counter.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
