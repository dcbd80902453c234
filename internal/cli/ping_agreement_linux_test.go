package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
	"github.com/ohce/ohce/internal/testsize"
)

// The measurements of the clients of other projects: two seconds through a link that delays
// datagrams by 10 ms each way, so that a round trip takes 20 ms.
const (
	agreementDelay    = "10ms"
	agreementTime     = 2 * time.Second
	agreementInterval = 10 * time.Millisecond // the shortest that irtt server allows
)

// quantiles are round-trip times in milliseconds.
type quantiles struct{ median, p99 float64 }

// TestPingAgreesWithIrtt measures one path with irtt client and with ohce ping at the same time: a
// link with a delay, and irtt server behind it. ohce ping repeats the request with which irtt opens
// and at once closes a session. The server answers it without keeping state. irtt subtracts the time
// that its server takes, some microseconds.
func TestPingAgreesWithIrtt(t *testing.T) {
	testsize.RequireFull(t)
	path := daemon.Find(t, "irtt")
	request := irttRequest(t, path)
	server := daemon.Start(t, path, func(port uint16) []string {
		return []string{"server", "-b", fmt.Sprintf("127.0.0.1:%d", port)}
	}, request)
	l := linking(t, "--to", server.String(), "--delay", agreementDelay)
	checkAgreement(t, l.addrs[0], request, agreementInterval, func() quantiles {
		out, errs := run(t, "", path, "client", "-Q", "-o", "-", "-i", agreementInterval.String(),
			"-d", agreementTime.String(), l.addrs[0])
		var v struct {
			RoundTrips []struct {
				Delay struct {
					RTT float64 // ns; 0 if the packet is lost
				}
			} `json:"round_trips"`
		}
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatalf("%v: %.200s %.200s", err, out, errs)
		}
		var rtts []float64
		for _, r := range v.RoundTrips {
			if r.Delay.RTT > 0 {
				rtts = append(rtts, r.Delay.RTT/1e6)
			}
		}
		if len(rtts) < 100 {
			t.Fatalf("irtt measured %d round trips, want at least 100: %.300s", len(rtts), errs)
		}
		slices.Sort(rtts)
		return quantiles{rtts[(len(rtts)-1)/2], rtts[len(rtts)*99/100]}
	})
}

// irttRequest returns the datagram with which "irtt client -n" opens and closes a session.
func irttRequest(t *testing.T, path string) []byte {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	cmd := exec.Command(path, "client", "-n", "-Q", pc.LocalAddr().String())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pc.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 1500)
	n, _, err := pc.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// sockperfRequest is a message of sockperf without data: a sequence number of eight bytes, flags
// that ask for a response, and the length.
var sockperfRequest = []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 14}

// TestPingAgreesWithSockperf measures one path with "sockperf ping-pong" and with ohce ping at the
// same time: a link with a delay, and sockperf server behind it. The server returns the message with
// other flags. Both clients send the next message when the response has arrived: in an open loop, a
// stall of the machine delays more requests. sockperf prints half the round-trip time, which the test
// doubles.
func TestPingAgreesWithSockperf(t *testing.T) {
	testsize.RequireFull(t)
	path := daemon.Find(t, "sockperf")
	server := daemon.Start(t, path, func(port uint16) []string {
		return []string{"server", "-i", "127.0.0.1", "-p", fmt.Sprint(port)}
	}, sockperfRequest)
	l := linking(t, "--to", server.String(), "--delay", agreementDelay)
	_, port, err := net.SplitHostPort(l.addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	percentile := regexp.MustCompile(`percentile (50|99)\.000 = +([0-9.]+)`)
	checkAgreement(t, l.addrs[0], sockperfRequest, 0, func() (q quantiles) {
		out, errs := run(t, "", path, "ping-pong", "-i", "127.0.0.1", "-p", port,
			"-t", fmt.Sprintf("%.0f", agreementTime.Seconds()))
		for _, m := range percentile.FindAllStringSubmatch(out+errs, -1) {
			oneWay, err := strconv.ParseFloat(m[2], 64) // µs
			if err != nil {
				t.Fatal(err)
			}
			if m[1] == "50" {
				q.median = 2 * oneWay / 1000
			} else {
				q.p99 = 2 * oneWay / 1000
			}
		}
		if q.median == 0 || q.p99 == 0 {
			t.Fatalf("sockperf prints %.2000s%s", out, errs)
		}
		return q
	})
}

// checkAgreement runs ohce ping and another client at the same time and compares the medians and the
// 99th percentiles, which must be within 10 %. A busy machine can delay some of a hundred datagrams
// of one client by 2 ms, so it tries again up to 14 times. Clients that measure different times agree
// in none of them.
func checkAgreement(t *testing.T, addr string, request []byte, interval time.Duration,
	other func() quantiles) {
	t.Helper()
	const attempts = 15
	for attempt := 1; ; attempt++ {
		theirs := make(chan quantiles, 1)
		go func() { // ends with the other client; the receive below waits for it
			defer close(theirs)
			theirs <- other()
		}()
		s := summaryOf(t, startJSON(t, "ping", "--deadline", agreementTime.String(), "-i", interval.String(), "--send",
			"hex:"+hex.EncodeToString(request), "--expect", "any", addr))
		want, ok := <-theirs
		if !ok {
			t.FailNow() // other has reported why
		}
		if s.Answered < 50 || s.Sent != s.Answered {
			t.Fatalf("the summary of ohce ping is %+v", s)
		}
		t.Logf("median %.3f ms and %.3f ms, p99 %.3f ms and %.3f ms", s.RTT.Median, want.median, s.RTT.P99, want.p99)
		if within(s.RTT.Median, want.median) && within(s.RTT.P99, want.p99) {
			return
		}
		if attempt == attempts {
			t.Fatal("ohce ping and the other client do not agree")
		}
	}
}

// within reports whether two numbers differ by at most 10 %.
func within(a, b float64) bool { return math.Abs(a-b) <= 0.1*b }
