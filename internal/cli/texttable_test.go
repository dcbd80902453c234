package cli

import (
	"slices"
	"testing"
)

func TestPortRanges(t *testing.T) {
	for _, tt := range []struct {
		ports []uint16
		want  string
	}{
		{nil, ""}, {[]uint16{7}, "7"}, {[]uint16{7, 8}, "7-8"}, {[]uint16{1, 3, 4, 5, 9}, "1, 3-5, 9"},
		{[]uint16{65534, 65535}, "65534-65535"},
	} {
		if got := portRanges(tt.ports); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.ports, got, tt.want)
		}
	}
}

// TestTextTable checks the widths of columns, an empty column and the wrapped last column.
func TestTextTable(t *testing.T) {
	rows := [][]string{{"A", "EMPTY", "LIST"}, {"éé", "", "one, two, three, four, five, six"}, {"b", "", "x"}}
	const want = "A   LIST\néé  one, two, three,\n    four, five, six\nb   x\n"
	if got := textTable(rows, 24); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := textTable(rows[:1], 24); got != "" {
		t.Errorf("a table without rows: %q", got)
	}
	long := []string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,", "b"}
	if got := wrapList("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, b", 10); !slices.Equal(got, long) {
		t.Errorf("%q, want %q", got, long)
	}
}
