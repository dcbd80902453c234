package loadreport

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// count formats a number with commas between groups of three digits.
func count(n int) string {
	text := strconv.Itoa(n)
	digits := strings.TrimPrefix(text, "-")
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return text[:len(text)-len(digits)] + b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// percent formats the share n of total with two significant digits.
func percent(n, total int) string {
	if total == 0 {
		return "0 %"
	}
	share := 100 * float64(n) / float64(total)
	switch {
	case n > 0 && share < 0.001:
		return "less than 0.001 %"
	case n < total && share > 99.9:
		return "more than 99.9 %"
	}
	return significant(share, 2) + " %"
}

// duration formats d with three significant digits and a unit from µs to s.
func duration(d time.Duration) string {
	switch {
	case d == 0:
		return "0 ms"
	case d.Abs() < time.Millisecond:
		return significant(float64(d)/float64(time.Microsecond), 3) + " µs"
	case d.Abs() < time.Second:
		return significant(inMillis(d), 3) + " ms"
	default:
		return significant(d.Seconds(), 3) + " s"
	}
}

// rate formats events a second.
func rate(perSecond float64) string {
	if perSecond >= 100 {
		return count(int(perSecond+0.5)) + "/s"
	}
	return significant(perSecond, 3) + "/s"
}

// significant formats x with at least the given number of digits, and without trailing zeros behind
// the point.
func significant(x float64, digits int) string {
	if x < 0 {
		return "-" + significant(-x, digits)
	}
	decimals := digits - 1
	for y := x; y >= 10; y /= 10 {
		decimals--
	}
	for y := x; y > 0 && y < 1; y *= 10 {
		decimals++
	}
	text := strconv.FormatFloat(x, 'f', max(decimals, 0), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// elapsed formats the duration of a run or a time within it.
func elapsed(d time.Duration) string {
	if d < time.Minute {
		return duration(d)
	}
	d = d.Round(time.Second)
	text := fmt.Sprintf("%d:%02d", int(d.Minutes())%60, int(d.Seconds())%60)
	if d >= time.Hour {
		return fmt.Sprintf("%d:%s h", int(d.Hours()), fmt.Sprintf("%02d:%02d", int(d.Minutes())%60,
			int(d.Seconds())%60))
	}
	return text + " min"
}
