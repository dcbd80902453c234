package network

import "math"

// tailProbability is the probability that a normally distributed value is at least 3 standard
// errors above the mean.
const tailProbability = 0.00135

// plausible reports whether k of n events are likely if each has probability p: k must be outside
// the tails of the binomial distribution that have tailProbability. For many events, this is the
// interval of 3 standard errors. Unlike that interval, it is also valid for few.
func plausible(k, n int, p float64) bool {
	switch {
	case p <= 0:
		return k == 0
	case p >= 1:
		return k == n
	}
	return atMost(k, n, p) >= tailProbability && 1-atMost(k-1, n, p) >= tailProbability
}

// atMost returns the probability of at most k of n events, each with probability p.
func atMost(k, n int, p float64) float64 {
	if k < 0 {
		return 0
	}
	sum := 0.0
	for i := 0; i <= k; i++ {
		sum += math.Exp(logChoose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(sum, 1)
}

// logChoose returns the logarithm of the binomial coefficient.
func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
