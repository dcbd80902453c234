package link

import (
	"reflect"
	"slices"
	"testing"
)

// TestStatsAll gives each counter of the struct its own value, and expects the same from All.
func TestStatsAll(t *testing.T) {
	var s Stats
	var names, want []string
	v := reflect.ValueOf(&s).Elem()
	for k := range v.NumField() {
		v.Field(k).SetUint(uint64(k + 1))
		want = append(want, v.Type().Field(k).Tag.Get("json"))
	}
	for name, n := range s.All() {
		names = append(names, name)
		if n != uint64(len(names)) {
			t.Errorf("%s is %d, want %d", name, n, len(names))
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("All yields %v, the struct has %v", names, want)
	}
	for range s.All() {
		break // All must not yield again
	}
}
