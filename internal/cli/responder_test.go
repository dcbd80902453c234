package cli

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/responder"
)

// The name of a server is the value of --identity, or the host name if that can be a name.
func TestServerName(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		identity, host string
		err            error
		want           string // the name, or the error
	}{
		{"web-1", "", broken, "web-1"},
		{"", "host-1", nil, "host-1"},
		{"", "", broken, "cannot use the host name: broken"},
		{"", "", nil, "cannot use the host name: the name is empty"},
		{"", "my host", nil, `cannot use the host name: invalid name "my host"`},
		{"a/b", "host-1", nil, `--identity: invalid name "a/b"`},
	} {
		got, err := serverName(tt.identity, func() (string, error) { return tt.host, tt.err })
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("with --identity %q on host %q, %v: %q, want %q", tt.identity, tt.host, tt.err,
				got, tt.want)
		}
	}
}

// TestResponderLoops makes two servers of each kind answer each other, as a datagram with a forged
// source does, and checks that the default guard of a server ends the loop.
func TestResponderLoops(t *testing.T) {
	first := map[string]string{
		"agnhost":  "echo " + strings.Repeat("echo ", 5000) + "x",
		"identity": "Hello", "qcmp": "QLKN\x00\x00\x00\x09\x01\x00\x00\x00\x00\x00\x00\x00\x01",
	}
	for _, r := range responder.All() {
		limit := 64
		if r.Name == "agnhost" {
			limit = 410 // a chain of echo commands loses one in each round
		}
		if rounds := loopRounds(t, r, "hostname", first[r.Name]); rounds < 1 || rounds > limit {
			t.Errorf("%s: %d rounds, want at most %d", r.Name, rounds, limit)
		}
	}
	// A server with such a name answers each response of its peer with the same text.
	agnhost, _ := responder.Find("agnhost")
	if rounds := loopRounds(t, agnhost, "hostname", "hostname"); rounds > 64 {
		t.Errorf("agnhost: %d rounds with one text", rounds)
	}
}

// loopRounds passes a text between two servers until one of them does not answer, and returns the
// number of responses, at most 1,000.
func loopRounds(t *testing.T, r responder.Responder, name, text string) (rounds int) {
	t.Helper()
	a := newAdmissionTest(t)
	h := responderHandler(r, &responder.Backend{Name: name})
	d := &a.request
	d.Source = netip.MustParseAddrPort("10.0.0.7:3001") // exempt from all other limits
	d.Payload = []byte(text)
	for ; rounds < 1000; rounds++ {
		if a.rule.Admit(a.now, d) != guard.Admitted {
			return rounds
		}
		w := new(ohce.ResponseWriter)
		h.ServeUDP(w, &ohce.Request{Data: d.Payload, RemoteAddr: d.Source, LocalAddr: d.Source})
		if !w.Written() || a.rule.AdmitResponse(a.now, d, w.Bytes()) != guard.Admitted {
			return rounds
		}
		d.Payload = w.Bytes()
	}
	return rounds
}
