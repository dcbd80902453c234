//go:build unix

package cli

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/measure"
)

// The loss by direction is that of a link which loses 20 % of the requests and 5 % of the responses.
func TestLossByDirection(t *testing.T) {
	t.Parallel()
	srv, metrics := serveMonitored(t)
	lnk, err := startLink([]string{"--listen", "127.0.0.1:0", "--to", srv.addrs[0], "--api", "127.0.0.1:0",
		"--up", "loss=20%", "--down", "loss=5%", "--seed", "5"})
	if err == nil {
		t.Cleanup(lnk.kill)
	} else {
		t.Fatal(err)
	}
	n := testsize.Pick(4000, 1000)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"load", []string{"load", "--rate", "4000", "--count", strconv.Itoa(n)}},
		{"ping", []string{"ping", "--interval", "250us", "--count", strconv.Itoa(n)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append(tt.args, "--json", "--timeout", "300ms", "--server-metrics", "http://"+metrics, lnk.addrs[0])
			out, _ := command(args...).Output() // the exit code is 3 on a busy machine
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			var report struct {
				Directions *measure.DirectionReport `json:"by_direction"`
			}
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil || report.Directions == nil {
				t.Fatalf("no loss by direction in %q (%v)", lines[len(lines)-1], err)
			}
			d := report.Directions
			checkShare(t, "requests lost", d.RequestsLost, n, 0.2)
			checkShare(t, "responses lost", d.ResponsesLost, n-d.RequestsLost, 0.05)
			if d.ServerDropped+d.OtherRequests+d.OtherResponses != 0 {
				t.Errorf("%+v, want no other kind of loss", d)
			}
		})
	}
}

// checkShare checks that k of n is the given share, within three standard errors.
func checkShare(t *testing.T, what string, k, n int, share float64) {
	t.Helper()
	want, margin := share*float64(n), 3*math.Sqrt(share*(1-share)*float64(n))
	if math.Abs(float64(k)-want) > margin {
		t.Errorf("%s: %d of %d, want %.0f ± %.0f", what, k, n, want, margin)
	}
}
