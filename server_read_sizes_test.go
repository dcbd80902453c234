package ohce

import (
	"fmt"
	"testing"
)

func TestReadSizes(t *testing.T) {
	for _, tt := range []struct{ datagrams, want int }{
		{0, 0}, {1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {8, 3}, {9, 4}, {64, 6}, {65, 7}, {2048, 11},
		{2049, 12}, {4096, 12}, {4097, 13}, {8192, 13},
	} {
		t.Run(fmt.Sprint(tt.datagrams), func(t *testing.T) {
			var got, want ReadSizes
			got.record(tt.datagrams)
			want[tt.want] = 1
			if got != want {
				t.Errorf("read sizes %v, want %v", got, want)
			}
		})
	}
}
