package ohce_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestMatchOfEqualRequests: a copy of the response to a request answers an equal one that the server has
// not handled if they share a socket, which they do with MatchExact only.
func TestMatchOfEqualRequests(t *testing.T) {
	for _, tt := range []struct {
		name     string
		match    *ohce.Matcher
		answered int
	}{
		{"MatchExact", ohce.MatchExact(upper), 2},
		{"MatchBytes", ohce.MatchBytes(0, 0), 1},
		{"no matcher", nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := new(ohcetest.Network)
				twice := ohcetest.Then(ohcetest.Answer(), ohcetest.Delay(500*time.Millisecond))
				n.NewPeer(peerAddr, upper, twice, ohcetest.Lose())
				c := &ohce.Client{Addr: peerAddr, Dial: n.Dial, Match: tt.match}
				c.Retry = ohce.RetryAfter(time.Second)
				defer c.Close()
				answered := 0
				equal := slices.Values([][]byte{[]byte("x"), []byte("x")})
				for _, err := range outcomes(c.Stream(t.Context(), equal)) {
					if err == nil {
						answered++
					}
				}
				if answered != tt.answered {
					t.Errorf("%d requests were answered, want %d", answered, tt.answered)
				}
			})
		})
	}
}
