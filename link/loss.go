package link

// A Loss is a Gilbert-Elliott model: a good and a bad state, a loss rate for each, and the
// probabilities, for each datagram, of changing the state. The zero value loses nothing.
type Loss struct {
	Good, Bad     float64 // loss rate in each state
	ToBad, ToGood float64 // probability of entering that state from the other one
}

// RandomLoss returns a model that loses each datagram with the same probability, independently of
// the others.
func RandomLoss(rate float64) Loss { return Loss{Good: rate} }

// BurstLoss returns a model that loses datagrams at the given rate in the long run, in bursts with
// the given mean length in datagrams (Gilbert, 1960): the bad state loses every datagram, the good
// state none. The rate must be less than 1 and the length at least 1; Check reports other values.
func BurstLoss(rate, length float64) Loss {
	return Loss{Bad: 1, ToGood: 1 / length, ToBad: rate / (1 - rate) / length}
}

// Rate returns the loss rate in the long run, from 0 to 1.
func (l Loss) Rate() float64 {
	if l.ToBad == 0 {
		return l.Good
	}
	bad := l.ToBad / (l.ToBad + l.ToGood)
	return bad*l.Bad + (1-bad)*l.Good
}
