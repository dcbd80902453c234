package network

import "math"

// tailProbability is the probability of 3 standard errors or more on one side of a normal distribution.
const tailProbability = 0.00135

// plausible reports whether k events of n are within what 3 standard errors allow where each has
// probability p: not in the last 0.00135 of the binomial distribution on either side, which is the same
// where events are many and still true where they are few.
func plausible(k, n int, p float64) bool {
	switch {
	case p <= 0:
		return k == 0
	case p >= 1:
		return k == n
	}
	return atMost(k, n, p) >= tailProbability && 1-atMost(k-1, n, p) >= tailProbability
}

// atMost is the probability of k events or fewer.
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

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
