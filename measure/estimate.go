package measure

import "math"

// maxBatches is the largest number of batches of a run. Values of consecutive intervals are not
// independent, means of longer batches nearly are. Between 10 and 30 batches are common (Schmeiser,
// Operations Research 30, 1982).
const maxBatches = 10

// An estimate is the value of a figure in a run, as the ratio of two sums.
type estimate struct {
	value   float64
	se      float64 // standard error
	weight  float64 // sum of the denominators; 0 if there is no value
	batches int
}

// estimateRatio returns the ratio of the sums of num and den. Its standard error is that of a ratio
// of means, estimated from batches of consecutive terms.
func estimateRatio(num, den []float64) estimate {
	k := min(len(num), maxBatches)
	bnum, bden := batches(num, k), batches(den, k)
	e := estimate{weight: sum(den), batches: k}
	if e.weight == 0 {
		return e
	}
	e.value = sum(num) / e.weight
	if k < 2 {
		return e
	}
	var squares float64
	for i := range bnum {
		d := bnum[i] - e.value*bden[i]
		squares += d * d
	}
	n := float64(k)
	e.se = math.Sqrt(squares*n/(n-1)) / e.weight
	return e
}

// batches returns the sums of k batches of consecutive values, whose lengths differ by at most one.
func batches(values []float64, k int) []float64 {
	all := make([]float64, k)
	for i := range all {
		all[i] = sum(values[i*len(values)/k : (i+1)*len(values)/k])
	}
	return all
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// A confidence interval of 95 % for a change.
type change struct{ value, low, high float64 }

// difference returns the change from a to b by Welch's t-interval.
func difference(a, b estimate) change {
	d := b.value - a.value
	margin := welch(a.se, b.se, a.batches, b.batches)
	return change{d, d - margin, d + margin}
}

// relative returns the change from a to b as a share of a, by Welch's t-interval of the logarithms.
// Both values must be positive. The error of a logarithm is the relative error.
func relative(a, b estimate) change {
	d := math.Log(b.value / a.value)
	margin := welch(a.se/a.value, b.se/b.value, a.batches, b.batches)
	return change{math.Expm1(d), math.Expm1(d - margin), math.Expm1(d + margin)}
}

// welch returns half the width of the 95 % confidence interval of a difference of two means, from
// their standard errors and the numbers of values (Welch, Biometrika 34, 1947).
func welch(sa, sb float64, na, nb int) float64 {
	va, vb := sa*sa, sb*sb
	if va+vb == 0 {
		return 0
	}
	freedom := (va + vb) * (va + vb) / (va*va/float64(na-1) + vb*vb/float64(nb-1))
	return quantileT(freedom) * math.Sqrt(va+vb)
}

// studentT are the 97.5 % quantiles of Student's t-distribution for 1, 2, ... degrees of freedom.
var studentT = [...]float64{
	12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
	2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
	2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
}

// quantileT returns the 97.5 % quantile of Student's t-distribution for the next smaller number of
// degrees of freedom in the table, which makes intervals slightly wider.
func quantileT(freedom float64) float64 {
	i := min(max(int(freedom), 1), len(studentT))
	return studentT[i-1]
}
