package cli

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
)

// Above 100 requests a second the log prints one line a second, until the rate is lower again.
func TestRequestLogFollowsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log, err := newRequestLog(&text, "auto", plainLog)
		if err != nil {
			t.Fatal(err)
		}
		h := log.around(ohce.HandlerFunc(func(*ohce.ResponseWriter, *ohce.Request) {}))
		stop := log.start()
		var got []string
		for _, n := range []int{20, 100, 101, 300, 250, 99, 10} {
			r := &ohce.Request{RemoteAddr: netip.MustParseAddrPort("192.0.2.1:5000")}
			for range n {
				h.ServeUDP(nil, r)
			}
			time.Sleep(time.Second) // on the bubble's clock
			synctest.Wait()
			lines := strings.Count(text.String(), "Client's address 192.0.2.1:5000\n")
			_, rest, _ := strings.Cut(text.String(), " requests in")
			got = append(got, fmt.Sprintf("%d: %d lines%s", n, lines, strings.TrimSpace(rest)))
			text.Reset()
		}
		stop()
		want := []string{
			"20: 20 lines", "100: 100 lines",
			"101: 100 lines1.0 s, 1 of them not listed",
			"300: 0 lines1.0 s, 300 of them not listed",
			"250: 0 lines1.0 s, 250 of them not listed",
			"99: 0 lines1.0 s, 99 of them not listed",
			"10: 10 lines",
		}
		for i := range want {
			if strings.TrimSpace(got[i]) != want[i] {
				t.Errorf("second %d: %q, want %q", i, got[i], want[i])
			}
		}
	})
}

// TestRequestLogAfterFullDisk checks that a log continues after its disk was full, and that it
// counts the requests whose lines are lost.
func TestRequestLogAfterFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(faultyLog)
		log, err := newRequestLog(f, "each", plainLog)
		if err != nil {
			t.Fatal(err)
		}
		h := log.around(ohce.HandlerFunc(func(*ohce.ResponseWriter, *ohce.Request) {}))
		stop := log.start()
		r := &ohce.Request{RemoteAddr: netip.MustParseAddrPort("192.0.2.1:5000")}
		line := fmt.Sprintf("Client's address %v\n", r.RemoteAddr)
		for _, room := range []int{10 * len(line), 0, len(line)/2 + 1, 10_000} {
			f.room = room
			for range 10 {
				h.ServeUDP(nil, r)
			}
			time.Sleep(1100 * time.Millisecond) // on the bubble's clock
			synctest.Wait()
		}
		stop()
		listed, missed := strings.Count(f.text.String(), line), 0
		for text := range strings.Lines(f.text.String()) {
			var n, not int
			var seconds float64
			if _, err := fmt.Sscanf(text, "%d requests in %f s, %d of them not listed", &n, &seconds,
				&not); err == nil {
				missed += not
			}
		}
		if listed < 20 || listed+missed != 40 {
			t.Errorf("%d requests listed and %d not, want 40:\n%s", listed, missed, &f.text)
		}
	})
}

// A lineChecker counts writes that end within a line.
type lineChecker struct{ writes, partial int }

func (c *lineChecker) Write(b []byte) (int, error) {
	c.writes++
	if !bytes.HasSuffix(b, []byte{'\n'}) {
		c.partial++
	}
	return len(b), nil
}

// TestRequestLogWritesLines checks that no message of the server can appear within a line.
func TestRequestLogWritesLines(t *testing.T) {
	c := new(lineChecker)
	log, err := newRequestLog(c, "each", plainLog)
	if err != nil {
		t.Fatal(err)
	}
	h := log.around(ohce.HandlerFunc(func(*ohce.ResponseWriter, *ohce.Request) {}))
	r := &ohce.Request{RemoteAddr: netip.MustParseAddrPort("[2001:db8::1]:5000")}
	for range logQueue {
		h.ServeUDP(nil, r)
	}
	log.start()()
	if c.writes < 2 || c.partial > 0 {
		t.Errorf("%d of %d writes end within a line", c.partial, c.writes)
	}
}
