package linkapi

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"testing"
)

// A list of links that a client accepts is encoded and decoded again.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{`[]`, `[null]`, `[{},{"schedule":[{"at":"1s","up":{"loss":"5%"}}]}]`,
		`[{"name":"\u202e","stats":{"up":{"received":1}},"error":"x"}]`, `{}`, `[[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var all statusList
		if decodeResponse(io.NopCloser(bytes.NewReader(body)), 1<<16, &all) != nil {
			return
		}
		var text bytes.Buffer
		out := &indenter{w: &text}
		writeArray(out, "", slices.Values(all), out.status)
		var again statusList
		if err := decodeResponse(io.NopCloser(&text), 1<<24, &again); err != nil || len(again) != len(all) {
			t.Errorf("%s is decoded as %d links, %v; want %d", body, len(again), err, len(all))
		}
	})
}

// The server refuses the body of POST /links, or encodes and decodes its spec without a change.
func FuzzSpec(f *testing.F) {
	for _, s := range []string{`{"to":"127.0.0.1:3000"}`, `{"like":"lte","down":{"loss":null},"idle":"1m"}`,
		`{"schedule":[{"at":"1s","down":{"black_hole":true}}],"seed":7}`, `{"schedule":null}`, `{"name":"\u001b"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var s, again Spec
		if err := decode(body, &s); err != nil {
			if e := apiError(err); e.Status != 400 || e.Message == "" {
				t.Errorf("%d %q", e.Status, e.Message)
			}
			return
		}
		if len(s.Schedule) > MaxPhases {
			t.Errorf("%d phases", len(s.Schedule))
		}
		// A preset without one of its values can have others without an effect.
		s.Up, s.Down = s.Up.Effective(), s.Down.Effective()
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := decode(text, &again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if other, _ := json.Marshal(again); !bytes.Equal(other, text) {
			t.Errorf("%s becomes %s", text, other)
		}
	})
}
