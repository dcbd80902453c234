//go:build !ohce_portable

package cli

import (
	"strconv"
	"strings"
	"testing"
)

// TestLoadReceiveBuffer: responses that a small receive buffer drops are own failures. Only requests
// that the server's system dropped are lost.
func TestLoadReceiveBuffer(t *testing.T) {
	t.Parallel()
	p := serving(t, "--log", "none")
	r := reportOf(t, loading(t, "-r", "50000", "-d", "1s", "--size", "1400", "--receive-buffer", "1", p.addrs[0]))
	if r.Own.Overflow == 0 || r.Trustworthy {
		t.Errorf("no overflow: %+v", r.Own)
	}
	text, err := p.stop()
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(text, "dropped by the kernel ")
	dropped, err := strconv.Atoi(strings.TrimSpace(after))
	if !found || err != nil {
		t.Fatalf("the server printed %q: %v", text, err)
	}
	if r.Lost > dropped+r.Own.Overflow/100 {
		t.Errorf("%d lost besides %d that overflowed, and the server's system dropped %d", r.Lost, r.Own.Overflow, dropped)
	}
}
