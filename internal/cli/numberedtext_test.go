package cli

import (
	"bytes"
	"testing"

	"github.com/ohce/ohce/flip"
)

func TestAppendNumbered(t *testing.T) {
	for _, tt := range []struct {
		n, size int
		want    string
	}{
		{7, 0, ""}, {7, 1, "7"}, {1234, 2, "34"}, {7, 10, "Load ohce7"}, {120, 12, "Load ohce120"},
	} {
		if got := string(appendNumbered([]byte("> "), tt.n, tt.size)); got != "> "+tt.want {
			t.Errorf("text %d of %d bytes: %q, want %q", tt.n, tt.size, got, tt.want)
		}
	}
}

// The number of a response is found for every transform. A response with any changed, missing or
// additional byte has none, except that a changed digit gives another number.
func TestNumberOf(t *testing.T) {
	sizes := []int{64, 20, 1400}
	for _, name := range flip.Names() {
		transform, err := flip.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		number := numberOf(sizes, transform)
		for _, n := range []int{1, 2, 3, 10, 99, 100, 12345, 1e9 + 7} {
			response := transform.Append(nil, appendNumbered(nil, n, sizes[(n-1)%3]))
			if got, ok := number(response); got != n || !ok {
				t.Fatalf("%s: number %d, %v of %q, want %d", name, got, ok, response, n)
			}
			for i := range response {
				changed := bytes.Clone(response)
				changed[i] ^= 1
				if got, ok := number(changed); ok && got == n {
					t.Errorf("%s: %q is taken for the response to %d", name, changed, n)
				}
			}
			if got, ok := number(response[:len(response)-1]); ok && got == n {
				t.Errorf("%s: a truncated response to %d is taken for it", name, n)
			}
			if got, ok := number(append(response, 'x')); ok && got == n {
				t.Errorf("%s: a longer response to %d is taken for it", name, n)
			}
		}
		for _, wrong := range []string{"", "0", "00", "Load ohce", "99999999999999999999999"} {
			if got, ok := number([]byte(wrong)); ok {
				t.Errorf("%s: %q is taken for the response to %d", name, wrong, got)
			}
		}
	}
	if numberOf([]int{64, 19}, flip.Transform{}) != nil || numberOf(nil, flip.Transform{}) != nil {
		t.Error("numbers in texts that are too short")
	}
}
