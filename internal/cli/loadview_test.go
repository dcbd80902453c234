package cli

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce/measure"
)

// loadViewOf returns the view of n intervals of a second. In the third, requests have no right
// response; in the fourth, this machine was late.
func loadViewOf(n int) *loadView {
	v := &loadView{title: "load 192.0.2.7:3000: 1000 a second for 10s, texts of 64 bytes"}
	for i := range n {
		interval := measure.Interval{
			Begin: measure.Milliseconds(time.Duration(i) * time.Second), Asked: 1000, Sent: 1000, Answered: 1000,
			Latency: measure.Distribution{Median: 120 * time.Microsecond, P99: time.Millisecond, Max: 5 * time.Millisecond},
		}
		switch i {
		case 2:
			interval.Answered, interval.Lost, interval.Refused = 990, 7, 3
		case 3:
			interval.Own.Missed = 25
		}
		v.intervals = append(v.intervals, interval)
	}
	return v
}

func TestLoadView(t *testing.T) {
	const want = `load 192.0.2.7:3000: 1000 a second for 10s, texts of 64 bytes
4000 asked, 4000 sent, 3990 answered, loss 10 (0.25 %),
25 failures of this machine (0.62 %)

       time      asked       sent   answered       loss        own
         2s       1000       1000        990         10          0
         3s       1000       1000       1000          0         25`
	if got := strings.Join(loadViewOf(4).draw(70, 7), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	wide := loadViewOf(1).draw(120, 20)
	if got := wide[len(wide)-1]; !strings.HasSuffix(got, "      0.120      1.000      5.000") {
		t.Errorf("the latency of an interval: %q", got)
	}
}

// Views of any size fit into it.
func TestLoadViewFits(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 5, 1000} {
		for width := 0; width < 130; width += 7 {
			for height := 0; height < 30; height += 3 {
				lines := loadViewOf(n).draw(width, height)
				if len(lines) > height {
					t.Fatalf("%d lines in %d", len(lines), height)
				}
				for _, line := range lines {
					if utf8.RuneCountInString(line) > width {
						t.Fatalf("%q is wider than %d", line, width)
					}
				}
			}
		}
	}
}

// The rows with a loss and with failures of this machine are coloured.
func TestLoadViewStyle(t *testing.T) {
	v := loadViewOf(4)
	v.style.on = true
	lines := v.draw(80, 20)
	lost, own := lines[len(lines)-2], lines[len(lines)-1]
	if !strings.HasPrefix(lost, "\x1b[1;31m") || !strings.HasPrefix(own, "\x1b[33m") {
		t.Errorf("rows %q and %q", lost, own)
	}
}
