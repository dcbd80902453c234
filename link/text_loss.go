package link

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// The text of a Loss is "loss" for RandomLoss, "loss" and "burst" for BurstLoss, and otherwise the
// four parameters of the model.

func getLoss(i Impairment) string {
	rate, _, _ := lossText(i.Loss)
	return rate
}

func getBurst(i Impairment) string {
	_, burst, _ := lossText(i.Loss)
	return burst
}

// lossText returns the texts of "loss" and "burst". It reports false if they can't describe l
// exactly.
func lossText(l Loss) (rate, burst string, ok bool) {
	if l == RandomLoss(l.Good) {
		return shareText(l.Good), "", true
	}
	length := burstOf(l)
	if length == 0 {
		return "", "", false
	}
	// Long texts are only used if the short ones are not exact.
	for _, burst := range []string{strconv.FormatFloat(length, 'g', 10, 64), formatFloat(length)} {
		for _, rate := range []string{percentText(l.Rate()), shareText(l.Rate())} {
			var i Impairment
			if rate == "0%" {
				rate = ""
			}
			if (rate == "" || setLoss(&i, rate) == nil) && setBurst(&i, burst) == nil && i.Loss == l {
				return rate, burst, true
			}
		}
	}
	return "", "", false
}

// parameterField is the field for one parameter of a Loss that neither RandomLoss nor BurstLoss
// describes.
func parameterField(name string, at func(*Loss) *float64) textField {
	f := shareField(name, func(i *Impairment) *float64 { return at(&i.Loss) })
	get := f.get
	f.get = func(i Impairment) string {
		if _, _, ok := lossText(i.Loss); ok {
			return ""
		}
		return get(i)
	}
	return f
}

// burstOf returns the mean length of the bursts, or 0 if l is not the result of BurstLoss.
func burstOf(l Loss) float64 {
	if l.Good != 0 || l.Bad != 1 || l.ToGood == 0 {
		return 0
	}
	return 1 / l.ToGood
}

func lossOf(rate, burst float64) Loss {
	if burst == 0 {
		return RandomLoss(rate)
	}
	l := BurstLoss(rate, burst)
	l.ToBad = min(l.ToBad, 1) // more only by rounding; see setLossRate
	return l
}

func setLoss(i *Impairment, text string) error {
	rate, err := parseShare(text)
	if err != nil {
		return err
	}
	return i.setLossRate(rate, burstOf(i.Loss))
}

func setBurst(i *Impairment, text string) error {
	burst, err := strconv.ParseFloat(text, 64)
	if err != nil || !(burst >= 1 && burst <= math.MaxInt32) {
		return errors.New("must be a number of datagrams, at least 1")
	}
	return i.setLossRate(i.Loss.Rate(), burst)
}

// setLossRate sets the rate and the length of bursts together, because the length limits the rate:
// at least one datagram arrives between two bursts.
func (i *Impairment) setLossRate(rate, burst float64) error {
	if burst > 0 && rate > burst/(burst+1) {
		return fmt.Errorf("a loss of %s needs longer bursts: bursts of %g lose at most %s",
			shareText(rate), burst, shareText(burst/(burst+1)))
	}
	i.Loss = lossOf(rate, burst)
	return nil
}

func resetLoss(i *Impairment) { i.Loss = lossOf(0, burstOf(i.Loss)) }

func resetBurst(i *Impairment) {
	if burstOf(i.Loss) != 0 {
		i.Loss = RandomLoss(i.Loss.Rate())
	}
}
