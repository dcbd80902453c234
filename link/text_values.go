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

func countField(name string, limit int64, at func(*Impairment) *int) textField {
	return textField{name,
		func(i Impairment) string {
			if *at(&i) == 0 {
				return ""
			}
			return strconv.Itoa(*at(&i))
		},
		func(i *Impairment, text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 || n > limit {
				return fmt.Errorf("must be a number from 0 to %d", limit)
			}
			*at(i) = int(n)
			return nil
		},
		func(i *Impairment) { *at(i) = 0 },
	}
}

func mtuField() textField {
	f := countField("mtu", maxCount, func(i *Impairment) *int { return &i.MTU })
	set := f.set
	f.set = func(i *Impairment, text string) error {
		if err := set(i, text); err != nil {
			return err
		}
		if i.MTU > 0 && i.MTU < headers {
			return errors.New(wantMTU)
		}
		return nil
	}
	return f
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

// shareText returns the shortest text of a share: in percent if that is exact, else as a fraction.
func shareText(share float64) string {
	if share == 0 {
		return ""
	}
	percent := percentText(share)
	if back, err := parseShare(percent); err == nil && back == share {
		return percent
	}
	return formatFloat(share)
}

// percentText returns a share in percent, without the noise of binary fractions.
func percentText(share float64) string { return strconv.FormatFloat(share*100, 'g', 10, 64) + "%" }

// formatFloat returns the shortest text that parses as x.
func formatFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

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

// rateUnits is in the order in which a text is compared: no unit is the end of a later one.
var rateUnits = []struct {
	name string
	bits float64
}{
	{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3},
	{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit/s", 1},
}

func getRate(i Impairment) string {
	if i.Rate == 0 {
		return ""
	}
	for _, u := range rateUnits[:3] {
		text := formatFloat(float64(i.Rate)/u.bits) + u.name
		if rate, err := parseRate(text); err == nil && rate == i.Rate && i.Rate >= int64(u.bits) {
			return text
		}
	}
	return strconv.FormatInt(i.Rate, 10) + "bit/s"
}

func setRate(i *Impairment, text string) (err error) {
	i.Rate, err = parseRate(text)
	return err
}

func parseRate(text string) (int64, error) {
	number, unit := strings.ToLower(text), 1.0
	for _, u := range rateUnits {
		if rest, ok := strings.CutSuffix(number, strings.ToLower(u.name)); ok {
			number, unit = rest, u.bits
			break
		}
	}
	number = strings.TrimSpace(number)
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && unit == 1 && n >= 0 && n <= maxRate {
		return n, nil
	}
	rate, err := strconv.ParseFloat(number, 64)
	if rate *= unit; err != nil || !(rate >= 0 && rate < maxRate) || rate > 0 && rate < 1 {
		return 0, errors.New("must be in bits per second, such as 10Mbit/s or 64kbit/s")
	}
	return int64(math.Round(rate)), nil
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
