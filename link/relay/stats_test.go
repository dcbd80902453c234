package relay

import (
	"encoding/json"
	"iter"
	"reflect"
	"slices"
	"testing"
)

// TestStatsAll gives each counter of a struct its own value, and expects the same from All and from
// JSON.
func TestStatsAll(t *testing.T) {
	var s Stats
	check(t, reflect.ValueOf(&s.Up).Elem(), func() iter.Seq2[string, uint64] { return s.Up.All() })
	check(t, reflect.ValueOf(&s).Elem(), func() iter.Seq2[string, uint64] { return s.All() })
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Stats
	if err := json.Unmarshal(text, &back); err != nil || back != s {
		t.Errorf("%s became %+v, %v", text, back, err)
	}
	for name := range s.Up.All() {
		if name == "lost" {
			break // All must not yield again
		}
	}
}

// check fills the counters of v and compares them with those of all.
func check(t *testing.T, v reflect.Value, all func() iter.Seq2[string, uint64]) {
	t.Helper()
	var want, got []string
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Type.Kind() == reflect.Uint64 {
			want = append(want, f.Tag.Get("json"))
			v.FieldByIndex(f.Index).SetUint(uint64(len(want)))
		} else if f.Type.Kind() != reflect.Struct {
			t.Errorf("%s is not a uint64", f.Name)
		}
	}
	for name, n := range all() {
		got = append(got, name)
		if n != uint64(len(got)) {
			t.Errorf("%s is %d, want %d", name, n, len(got))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("All yields %v, %v has %v", got, v.Type(), want)
	}
}
