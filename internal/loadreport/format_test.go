package loadreport

import (
	"strings"
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "-1,234,567"},
		{percent(0, 0), "0 %"}, {percent(1, 3), "33 %"}, {percent(3, 3), "100 %"},
		{percent(1, 10_000_000), "less than 0.001 %"}, {percent(99_999, 100_000), "more than 99.9 %"},
		{percent(12, 1000), "1.2 %"}, {percent(2, 1000), "0.2 %"},
		{duration(0), "0 ms"}, {duration(time.Nanosecond), "0.001 µs"}, {duration(1500 * time.Nanosecond), "1.5 µs"},
		{duration(12345 * time.Microsecond), "12.3 ms"}, {duration(-2 * time.Millisecond), "-2 ms"},
		{duration(2147 * time.Second), "2147 s"},
		{elapsed(90 * time.Second), "1:30 min"}, {elapsed(time.Hour + 62*time.Second), "1:01:02 h"},
		{rate(0), "0/s"}, {rate(12.345), "12.3/s"}, {rate(1234567.8), "1,234,568/s"},
		{shortCount(9999), "9,999"}, {shortCount(12_500), "12.5k"}, {shortCount(2e6), "2M"},
		{shortCount(3e15), "3e+06G"}, {textMillis(99999 * time.Second), "99999000"},
		{percentileName(0), "0.00 %"}, {percentileName(99.9), "99.900 %"}, {percentileName(100), "100 %"},
		{percentileName(99.99999), "99.9999900 %"},
		{wrap(strings.Repeat("word ", 4), 9), "word word\nword word"}, {wrap("short", 9), "short"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// TestAxes checks that each axis has a few ticks, all within its ends.
func TestAxes(t *testing.T) {
	axes := map[string]axis{"empty": durationAxis(nil), "zero": durationAxis([]float64{0, 0}),
		"percentiles/0": percentileAxis(0), "no time": timeAxis(0)}
	for x := 1e-6; x < 1e12; x *= 3.7 {
		name := significant(x, 3)
		axes["linear "+name] = durationAxis([]float64{x, x / 2})
		axes["log "+name] = durationAxis([]float64{x, 1e-6})
		axes["high log "+name] = durationAxis([]float64{x, 40 * x})
		axes["count "+name] = countAxis(x)
		axes["rate "+name] = rateAxis(x)
		axes["time "+name] = timeAxis(time.Duration(min(x*1e6, 1e17)))
		axes["percentiles "+name] = percentileAxis(int(x))
	}
	for name, a := range axes {
		labels := 0
		for i, k := range a.ticks {
			if k.label != "" {
				labels++
			}
			if k.at < a.min*(1-1e-6) || k.at > a.max*(1+1e-6) || i > 0 && k.at <= a.ticks[i-1].at {
				t.Errorf("%s: tick %d is %v, axis from %v to %v", name, i, k.at, a.min, a.max)
			}
		}
		if labels < 2 || labels > 12 || len(a.ticks) > 40 {
			t.Errorf("%s: %d labels, %d ticks: %+v", name, labels, len(a.ticks), a)
		}
	}
}

func TestPosition(t *testing.T) {
	linear, log := axis{max: 10}, axis{min: 1, max: 100, log: true}
	for _, tt := range []struct {
		a       axis
		x, want float64
	}{
		{linear, 0, 100}, {linear, 5, 150}, {linear, 10, 200}, {linear, 11, 200}, {linear, -1, 100},
		{log, 1, 100}, {log, 10, 150}, {log, 100, 200}, {log, 0, 100}, {log, 1000, 200},
	} {
		if got := tt.a.position(tt.x, 100, 200); got != tt.want {
			t.Errorf("%v at %v, want %v", tt.x, got, tt.want)
		}
	}
}
