package cli

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/measure"
)

// liveViewOf returns the view of n requests, of which every class occurs, with round-trip times
// around 20 ms and a few of up to a second.
func liveViewOf(n int) *liveView {
	random := rand.New(rand.NewPCG(1, 0))
	v := &liveView{title: "ping 192.0.2.7:3000", elapsed: time.Duration(n) * time.Second, sum: new(measure.Summary)}
	for i := range n {
		s := measure.Sample{RTT: 20*time.Millisecond + time.Duration(random.ExpFloat64()*float64(5*time.Millisecond))}
		if random.IntN(20) == 0 {
			s.RTT *= 20
		}
		if random.IntN(8) == 0 {
			s = measure.Sample{Class: measure.Class(1 + i%5)}
		}
		v.sum.Add(s)
		v.strip.add(s.Class)
	}
	v.totals = (&pinger{sum: *v.sum}).totals()
	return v
}

// TestLiveViewGolden compares views with files. "go test -run LiveViewGolden ./internal/cli -update"
// writes them.
func TestLiveViewGolden(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		requests, width, height int
	}{
		{"start", 0, 80, 24},
		{"first", 1, 80, 24},
		{"usual", 300, 80, 24},
		{"wide", 300, 160, 50},
		{"narrow", 300, 32, 40},
		{"low", 300, 80, 12},
		{"very-low", 300, 80, 5},
		{"tiny", 300, 8, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := liveViewOf(tt.requests).draw(tt.width, tt.height)
			got := strings.Join(lines, "\n") + "\n"
			name := filepath.Join("testdata", "live", tt.name+".golden")
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil || got != strings.ReplaceAll(string(want), "\r\n", "\n") {
				t.Errorf("%v\ngot\n%s\nwant\n%s", err, got, want)
			}
		})
	}
}

// TestLiveViewFits checks that views of any size fit into it, and that styles do not change the
// visible text.
func TestLiveViewFits(t *testing.T) {
	t.Parallel()
	counts := []int{0, 1, 7, 300, 5000}
	for _, n := range counts[:testsize.Pick(5, 4)] {
		plain, coloured := liveViewOf(n), liveViewOf(n)
		coloured.style.on = true
		for width := 0; width < 130; width += 9 {
			for height := 0; height < 45; height += 4 {
				lines := plain.draw(width, height)
				if len(lines) > height {
					t.Fatalf("%d lines in %d", len(lines), height)
				}
				for _, l := range lines {
					if utf8.RuneCountInString(l) > width || strings.ContainsAny(l, "\n\x1b") {
						t.Fatalf("%q has %d columns of %d", l, utf8.RuneCountInString(l), width)
					}
				}
				if got := unstyled(strings.Join(coloured.draw(width, height), "\n")); got != strings.Join(lines, "\n") {
					t.Fatalf("with colours\n%s\nwithout\n%s", got, strings.Join(lines, "\n"))
				}
			}
		}
	}
}

// unstyled removes the colours from text.
func unstyled(text string) string {
	for {
		begin := strings.Index(text, "\x1b[")
		if begin < 0 {
			return text
		}
		text = text[:begin] + text[begin+strings.IndexByte(text[begin:], 'm')+1:]
	}
}

// The signs must be different characters.
func TestSigns(t *testing.T) {
	seen := make(map[string]bool)
	for class, s := range signs {
		if len(s.sign) != 1 || s.name == "" || seen[s.sign] {
			t.Errorf("class %d has the sign %q", class, s.sign)
		}
		seen[s.sign] = true
	}
	var s strip
	for class := range signs {
		s.add(measure.Class(class))
	}
	if got := s.draw(10, 1, style{}); len(got) != 1 || got[0] != ".XWRUN" {
		t.Errorf("the strip is %q", got)
	}
	if got := strings.Join(s.draw(4, 2, style{}), "|"); got != ".XWR|UN" {
		t.Errorf("in two lines, the strip is %q", got)
	}
	if got := strings.Join(s.draw(2, 2, style{}), "|"); got != "WR|UN" {
		t.Errorf("the last results are %q", got)
	}
}

// A strip keeps the last results and a bounded number of them.
func TestStripKeepsLast(t *testing.T) {
	var s strip
	for i := range 100_000 {
		s.add(measure.Class(i % len(signs)))
		if len(s.recent) > 2*maxRecent || i >= maxRecent && len(s.recent) < maxRecent {
			t.Fatalf("after %d results, the strip has %d", i+1, len(s.recent))
		}
	}
	for i, class := range s.recent {
		if want := measure.Class((100_000 - len(s.recent) + i) % len(signs)); class != want {
			t.Fatalf("result %d is %v, want %v", i, class, want)
		}
	}
}

func TestDrawHistogram(t *testing.T) {
	const ms = time.Millisecond
	got := drawHistogram([]measure.Bucket{
		{From: ms, To: 9 * ms, Count: 1000}, {From: 9 * ms, To: 10 * ms}, {From: 10 * ms, To: 11 * ms, Count: 1},
		{From: 11 * ms, To: 12 * ms, Count: 250},
	}, 30)
	want := []string{
		"from  1.000 ms 1000 ██████████",
		"from  9.000 ms    0",
		"from 10.000 ms    1 ▏",
		"from 11.000 ms  250 ██▌",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := drawHistogram(nil, 30); len(got) != 0 {
		t.Errorf("without buckets: %q", got)
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"aa, bb, cc", 10, "aa, bb, cc"},
		{"aa, bb, cc", 9, "aa, bb,|cc"},
		{"aa, bb, cc", 6, "aa,|bb, cc"},
		{"aa, bb, cc", 2, "aa|bb|cc"},
		{"aaaa, b", 3, "aaa|b"},
		{"", 5, ""},
	} {
		if got := strings.Join(wrap(tt.text, ", ", tt.width), "|"); got != tt.want {
			t.Errorf("%q in %d: %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}
