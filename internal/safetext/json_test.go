package safetext_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/safetext"
)

func TestJSON(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"printable", `{"ä":"日本語 👩"}` + "\n", `{"ä":"日本語 👩"}` + "\n"},
		{"escaped already", `"\u001b\n"`, `"\u001b\n"`},
		{"DEL", "\"\x7f\"", `"\u007f"`},
		{"C1", "\"\u009b31m\"", `"\u009b31m"`},
		{"override", "\"a\u202eb\"", `"a\u202eb"`},
		{"beyond 16 bits", "\"\U000e0041\"", `"\udb40\udc41"`},
		{"invalid byte", "\"\xff\"", `"\ufffd"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := safetext.JSON([]byte(tt.in)); string(got) != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":["\u202e"]}`, "\"\u202e\u009b\"", "\"\U000e0041\x7f\"", "[\n\t1]", "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want, got any
		if json.Unmarshal(data, &want) != nil {
			t.Skip("not JSON")
		}
		safe := safetext.JSON(bytes.Clone(data))
		if err := json.Unmarshal(safe, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q means %v, %v; %q means %v", safe, got, err, data, want)
		}
		checkSafe(t, strings.NewReplacer("\n", "", "\t", "", "\r", "").Replace(string(safe)))
	})
}
