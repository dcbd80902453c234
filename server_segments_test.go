package ohce

import (
	"bytes"
	"slices"
	"testing"

	"github.com/ohce/ohce/internal/udp"
)

// Responses of equal size that follow each other become one message, and nothing is lost or swapped.
func TestAppendRuns(t *testing.T) {
	type message struct{ length, segment int }
	four := func(int) int { return 4 }
	tests := []struct {
		name  string
		sizes []int
		most  func(int) int
		want  []message
	}{
		{"none", nil, four, nil},
		{"one", []int{5}, four, []message{{5, 0}}},
		{"empty", []int{0}, four, []message{{0, 0}}},
		{"equal", []int{5, 5, 5}, four, []message{{15, 5}}},
		{"a-shorter-one-ends-it", []int{5, 5, 3, 3}, four, []message{{13, 5}, {3, 0}}},
		{"a-longer-one-begins-anew", []int{5, 6, 6}, four, []message{{5, 0}, {12, 6}}},
		{"as-many-as-fit", []int{5, 5, 5, 5, 5, 5}, four, []message{{20, 5}, {10, 5}}},
		{"empty-ones-stand-alone", []int{0, 0, 5, 0, 5}, four,
			[]message{{0, 0}, {0, 0}, {5, 0}, {0, 0}, {5, 0}}},
		{"no-runs", []int{5, 5, 5}, func(int) int { return 1 }, []message{{5, 0}, {5, 0}, {5, 0}}},
		{"by-size", []int{9, 9, 5, 5}, func(n int) int { return 10 / n },
			[]message{{9, 0}, {9, 0}, {10, 5}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &responses{sizes: tt.sizes}
			for i, n := range tt.sizes {
				a.buf = append(a.buf, bytes.Repeat([]byte{byte('a' + i)}, n)...)
			}
			var got []message
			var sizes []int
			var data []byte
			for _, m := range appendRuns(nil, new(udp.Message), a, tt.most) {
				got = append(got, message{len(m.Buf), m.Segment})
				data = append(data, m.Buf...)
				for rest := m; ; {
					n := len(rest.Buf)
					if rest.Segment > 0 {
						n = min(n, rest.Segment)
					}
					sizes = append(sizes, n)
					if rest.Buf = rest.Buf[n:]; len(rest.Buf) == 0 {
						break
					}
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("messages are %v, want %v", got, tt.want)
			}
			if !slices.Equal(sizes, tt.sizes) || !bytes.Equal(data, a.buf) {
				t.Errorf("the datagrams have the sizes %v, want %v", sizes, tt.sizes)
			}
		})
	}
}
