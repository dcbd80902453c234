package cli

import (
	"bytes"
	"testing"
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
