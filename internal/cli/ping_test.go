package cli

import (
	"bytes"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
)

// appendPingKey must give a request and each of its responses the same key, and different keys to
// different requests.
func TestPingKey(t *testing.T) {
	payload := numberedPayload()
	seen := make(map[string]int)
	for n := 1; n <= 20_000; n++ {
		request := payload.request(nil, n)
		key := string(payload.match.RequestKey(nil, request))
		if other, ok := seen[key]; ok {
			t.Fatalf("requests %d and %d have the key %q", other, n, key)
		}
		seen[key] = n
		for _, f := range newDetector(false).transforms {
			response := f.Append(nil, request)
			got, ok := payload.match.ResponseKey(nil, response)
			if !ok || string(got) != key || payload.check(request, response) != nil {
				t.Fatalf("request %q has the key %q, its %v %q has %q", request, key, f, response, got)
			}
		}
		for _, wrong := range [][]byte{nil, request[1:], bytes.ToUpper(request)} {
			if payload.check(request, wrong) == nil {
				t.Fatalf("%q counts as a response to %q", wrong, request)
			}
		}
	}
}

// The totals count datagrams that match no request, unless a request counts as wrong for them.
func TestPingTotalsUnexpected(t *testing.T) {
	for _, tt := range []struct {
		unexpected int
		want       string
	}{
		{1, "2 sent, 0 answered, 1 lost (50.0 %), 1 wrong"},
		{3, "2 sent, 0 answered, 1 lost (50.0 %), 1 wrong, 2 unexpected"},
	} {
		p := &pinger{}
		p.sum.Add(measure.Sample{Class: measure.Wrong})
		p.sum.Add(measure.Sample{Class: measure.Lost})
		p.sum.SetCounts(measure.Counts{Unexpected: tt.unexpected})
		if got := p.totals(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestPingJSONOfLost(t *testing.T) {
	got := string(jsonPing("h:1", measure.Sample{Number: 3, Class: measure.Lost, Err: ohce.ErrServerDown}))
	if want := `{"number":3,"server":"h:1","result":"lost","error":"no response in time"}` + "\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
