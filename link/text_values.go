package link

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

func boolField(name string, at func(*Impairment) *bool) textField {
	return textField{name,
		func(i Impairment) string {
			if *at(&i) {
				return "true"
			}
			return ""
		},
		func(i *Impairment, text string) (err error) {
			if *at(i), err = strconv.ParseBool(text); err != nil {
				return errors.New("must be true or false")
			}
			return nil
		},
		func(i *Impairment) { *at(i) = false },
	}
}

func countField(name string, at func(*Impairment) *int) textField {
	return textField{name,
		func(i Impairment) string {
			if *at(&i) == 0 {
				return ""
			}
			return strconv.Itoa(*at(&i))
		},
		func(i *Impairment, text string) error {
			n, err := strconv.ParseInt(text, 10, 32)
			if err != nil || n < 0 {
				return fmt.Errorf("must be a number from 0 to %d", math.MaxInt32)
			}
			*at(i) = int(n)
			return nil
		},
		func(i *Impairment) { *at(i) = 0 },
	}
}

func shareField(name string, at func(*Impairment) *float64) textField {
	return textField{name,
		func(i Impairment) string { return shareText(*at(&i)) },
		func(i *Impairment, text string) (err error) {
			*at(i), err = parseShare(text)
			return err
		},
		func(i *Impairment) { *at(i) = 0 },
	}
}

// shareText writes a share in percent, without the noise of binary fractions.
func shareText(share float64) string {
	if share == 0 {
		return ""
	}
	return strconv.FormatFloat(share*100, 'g', 10, 64) + "%"
}

func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share >= 0 && share <= 1) { // also rejects NaN
		return 0, errors.New("must be from 0% to 100%, or from 0 to 1")
	}
	return share, nil
}

func getLoss(i Impairment) string { return shareText(i.Loss.Rate()) }

func getBurst(i Impairment) string {
	if b := burstOf(i.Loss); b != 0 {
		return strconv.FormatFloat(b, 'g', 10, 64)
	}
	return ""
}

// burstOf returns the mean length of the bursts, or 0 if there are none.
func burstOf(l Loss) float64 {
	if l.ToGood == 0 || l.Bad != 1 {
		return 0
	}
	return 1 / l.ToGood
}

func lossOf(rate, burst float64) Loss {
	if burst == 0 {
		return RandomLoss(rate)
	}
	return BurstLoss(rate, burst)
}

func setLoss(i *Impairment, text string) error {
	rate, err := parseShare(text)
	if err != nil {
		return err
	}
	return i.setLoss(rate, burstOf(i.Loss))
}

func setBurst(i *Impairment, text string) error {
	burst, err := strconv.ParseFloat(text, 64)
	if err != nil || !(burst >= 1 && burst <= math.MaxInt32) {
		return errors.New("must be a number of datagrams, at least 1")
	}
	return i.setLoss(i.Loss.Rate(), burst)
}

// setLoss sets the rate and the length of bursts together, because the rate limits the length: at least
// one datagram must arrive between two bursts.
func (i *Impairment) setLoss(rate, burst float64) error {
	if burst > 0 && rate > burst/(burst+1) {
		return fmt.Errorf("a loss of %s needs longer bursts: bursts of %g lose at most %s",
			shareText(rate), burst, shareText(burst/(burst+1)))
	}
	i.Loss = lossOf(rate, burst)
	return nil
}

// rateUnits is in the order in which a text is compared: no unit is the end of a later one.
var rateUnits = []struct {
	name string
	bits float64
}{{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit/s", 1}}

func getRate(i Impairment) string {
	if i.Rate == 0 {
		return ""
	}
	for _, u := range rateUnits[:3] {
		if r := float64(i.Rate) / u.bits; r >= 1 {
			return strconv.FormatFloat(r, 'g', 17, 64) + u.name
		}
	}
	return strconv.FormatInt(i.Rate, 10) + "bit/s"
}

func setRate(i *Impairment, text string) error {
	number, unit := strings.ToLower(text), 1.0
	for _, u := range rateUnits {
		if rest, ok := strings.CutSuffix(number, strings.ToLower(u.name)); ok {
			number, unit = rest, u.bits
			break
		}
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if rate *= unit; err != nil || !(rate >= 0 && rate < 1<<62) || rate > 0 && rate < 1 {
		return errors.New("must be in bits per second, such as 10Mbit/s or 64kbit/s")
	}
	i.Rate = int64(math.Round(rate))
	return nil
}

func getDelay(i Impairment) string {
	d := i.Delay
	switch {
	case d.Base == 0 && d.Jitter == 0:
		return ""
	case d.Jitter == 0:
		return d.Base.String()
	default:
		return d.Base.String() + "±" + d.Jitter.String()
	}
}

func setDelay(i *Impairment, text string) error {
	base, jitter, ok := strings.Cut(strings.Replace(text, "+-", "±", 1), "±")
	b, err := parseDelay(base)
	if err != nil {
		return err
	}
	var j time.Duration
	if ok {
		if j, err = parseDelay(jitter); err != nil {
			return err
		}
	}
	i.Delay.Base, i.Delay.Jitter = b, j
	return nil
}

// maxDelay bounds the base and the jitter of a delay.
const maxDelay = time.Hour

func parseDelay(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d < 0 || d > maxDelay {
		return 0, errors.New("must be a duration of at most 1h, such as 50ms, or with jitter 50ms±20ms")
	}
	return d, nil
}

func getShape(i Impairment) string {
	if i.Delay.Shape == Uniform {
		return ""
	}
	return i.Delay.Shape.String()
}

func setShape(i *Impairment, text string) error {
	if i.Delay.Shape.UnmarshalText([]byte(text)) != nil {
		return errors.New("must be " + shapeList())
	}
	return nil
}
