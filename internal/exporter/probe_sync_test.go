package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

const (
	ms         = time.Millisecond
	serverAddr = "192.0.2.7:3000"
)

// A world is a network with a server at serverAddr that answers PING with PONG, and echoes the rest.
type world struct {
	*ohcetest.Network
	prober *Prober
}

// inBubble calls f with a network. deliver returns the delays after which a datagram arrives; request
// reports whether it is one to the server.
func inBubble(t *testing.T, deliver func(n int, request bool) []time.Duration, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		count := map[bool]int{}
		w := &world{Network: &ohcetest.Network{Link: func(d ohcetest.Datagram) (all []ohcetest.Arrival) {
			request := d.To.String() == serverAddr
			count[request]++
			for _, after := range deliver(count[request], request) {
				all = append(all, ohcetest.Arrival{After: after, Datagram: d})
			}
			return all
		}}}
		w.prober = &Prober{Dial: w.Dial}
		w.NewPeer(serverAddr, func(dst, request []byte) []byte {
			if bytes.Equal(request, []byte("PING")) {
				return append(dst, "PONG"...)
			}
			return append(dst, request...)
		})
		f(t, w)
	})
}

// direct delivers each datagram after a millisecond.
func direct(int, bool) []time.Duration { return []time.Duration{ms} }

// module returns a module with the given keys of udp.
func module(t *testing.T, udp string) *Module {
	t.Helper()
	return parse(t, "modules: {m: {prober: udp, timeout: 1s, udp: {"+udp+"}}}").Modules["m"]
}

const ping = `query_response: [{send: PING}, {expect: ^PONG$}]`

// samples returns the metrics of a probe, without those that are 0.
func samples(t *testing.T, r *Result) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "hash") || f.GetName() == "probe_udp_rtt_seconds" {
			continue
		}
		var text bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0\n") {
				b.WriteString(strings.TrimPrefix(line, "probe_"))
			}
		}
	}
	return b.String()
}

// checkSamples compares the metrics of a probe with want, a list of samples separated by semicolons.
func checkSamples(t *testing.T, r *Result, want string) {
	t.Helper()
	want = strings.ReplaceAll(want, "; ", "\n") + "\n"
	if got := samples(t, r); got != want {
		t.Errorf("the metrics are\n%swant\n%s", got, want)
	}
}

// TestProbe probes a server through networks that deliver datagrams in different ways.
func TestProbe(t *testing.T) {
	lose := func(lost bool) func(n int, request bool) []time.Duration {
		return func(_ int, request bool) []time.Duration {
			if request == lost {
				return nil
			}
			return []time.Duration{ms}
		}
	}
	respond := func(delays ...time.Duration) func(n int, request bool) []time.Duration {
		return func(_ int, request bool) []time.Duration {
			if request {
				return []time.Duration{ms}
			}
			return delays
		}
	}
	for _, tt := range []struct {
		name, udp string
		deliver   func(n int, request bool) []time.Duration
		want      string
	}{
		{"up", ping, direct, `duration_seconds 0.002; ip_protocol 4; success 1; udp_requests{result="answered"} 1`},
		{"request lost", ping, lose(true), `duration_seconds 1; ip_protocol 4; udp_loss_ratio 1; udp_requests{result="lost"} 1`},
		{"response lost", ping, lose(false), `duration_seconds 1; ip_protocol 4; udp_loss_ratio 1; udp_requests{result="lost"} 1`},
		{"slow", ping, respond(998 * ms), `duration_seconds 0.999; ip_protocol 4; success 1; udp_requests{result="answered"} 1`},
		{"too slow", ping, respond(1001 * ms), `duration_seconds 1; ip_protocol 4; udp_loss_ratio 1; udp_requests{result="lost"} 1`},
		{"twice", ping, respond(ms, 2*ms, 3*ms),
			`duration_seconds 0.002; ip_protocol 4; success 1; udp_ignored_datagrams{reason="duplicate"} 2; udp_requests{result="answered"} 1`},
		{"twice without linger", ping + ", linger: 0s", respond(ms, 2*ms),
			`duration_seconds 0.002; ip_protocol 4; success 1; udp_requests{result="answered"} 1`},
		{"wrong", `query_response: [{send: PING}, {expect: ^OK$}]`, direct,
			`duration_seconds 1; failed_due_to_regex 1; ip_protocol 4; udp_ignored_datagrams{reason="unexpected"} 1; udp_loss_ratio 1; udp_requests{result="wrong"} 1`},
		{"wrong bytes", `query_response: [{send: PING}, {expect_bytes: OK}]`, direct,
			`duration_seconds 1; failed_due_to_bytes 1; ip_protocol 4; udp_ignored_datagrams{reason="unexpected"} 1; udp_loss_ratio 1; udp_requests{result="wrong"} 1`},
		{"wrong protocol", `probe: dns`, direct,
			`duration_seconds 1; ip_protocol 4; udp_ignored_datagrams{reason="unexpected"} 1; udp_loss_ratio 1; udp_requests{result="wrong"} 1`},
		{"too long", ping + ", buffer_size: 3", direct,
			`duration_seconds 1; ip_protocol 4; udp_ignored_datagrams{reason="oversize"} 1; udp_loss_ratio 1; udp_requests{result="wrong"} 1`},
		{"ready-made", "probe: echo", direct, `duration_seconds 0.002; ip_protocol 4; success 1; udp_requests{result="answered"} 1`},
		{"not flipped", "probe: flip", direct,
			`duration_seconds 1; ip_protocol 4; udp_ignored_datagrams{reason="unexpected"} 1; udp_loss_ratio 1; udp_requests{result="wrong"} 1`},
		{"conversation", `query_response: [{send: PING}, {expect: "^P(O)NG$", send: "7${1}", labels: [{name: letter, value: "${1}"}]}, {expect: ^7O$}]`,
			direct, `duration_seconds 0.004; expect_info{letter="O"} 1; ip_protocol 4; success 1; udp_requests{result="answered"} 1`},
		{"half a conversation", `query_response: [{send: PING}, {expect: PONG, send: x}, {expect: y}]`, direct,
			`duration_seconds 1; failed_due_to_regex 1; ip_protocol 4; udp_ignored_datagrams{reason="unexpected"} 1; udp_loss_ratio 1; udp_requests{result="wrong"} 1`},
		{"half a response", `query_response: [{send: PING}, {expect: PONG}, {expect: more}]`, direct,
			`duration_seconds 1; ip_protocol 4; udp_loss_ratio 1; udp_requests{result="lost"} 1`},
		{"late", ping + ", count: 3, interval: 10ms, wait: 5ms", func(n int, request bool) []time.Duration {
			if n == 2 && !request {
				return []time.Duration{8 * ms}
			}
			return []time.Duration{ms}
		}, `duration_seconds 0.022; ip_protocol 4; success 1; udp_ignored_datagrams{reason="late"} 1; udp_loss_ratio 0.33333333333333337; udp_requests{result="answered"} 2; udp_requests{result="lost"} 1`},
		{"count", ping + ", count: 10, interval: 50ms", func(n int, request bool) []time.Duration {
			if n%5 == 0 && request {
				return nil
			}
			return []time.Duration{ms}
		}, `duration_seconds 1; ip_protocol 4; success 1; udp_loss_ratio 0.19999999999999996; udp_requests{result="answered"} 8; udp_requests{result="lost"} 2`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, tt.deliver, func(t *testing.T, w *world) {
				checkSamples(t, w.prober.Probe(t.Context(), module(t, tt.udp), serverAddr, time.Second), tt.want)
			})
		})
	}
}

// A request to a port without a server ends at once.
func TestProbeRefused(t *testing.T) {
	inBubble(t, direct, func(t *testing.T, w *world) {
		checkSamples(t, w.prober.Probe(t.Context(), module(t, ping), "192.0.2.8:3000", time.Second),
			`duration_seconds 0.001; ip_protocol 4; udp_loss_ratio 1; udp_requests{result="refused"} 1`)
	})
}

// The histogram counts the round-trip times of all requests.
func TestProbeHistogram(t *testing.T) {
	inBubble(t, direct, func(t *testing.T, w *world) {
		r := w.prober.Probe(t.Context(), module(t, ping+", count: 4"), serverAddr, time.Second)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(r)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "probe_udp_rtt_seconds" {
				continue
			}
			h := f.GetMetric()[0].GetHistogram()
			if h.GetSampleCount() != 4 || h.GetSampleSum() != 0.008 {
				t.Errorf("%d round trips of %v s, want 4 of 0.008 s", h.GetSampleCount(), h.GetSampleSum())
			}
			for _, b := range h.GetBucket() {
				if want := uint64(0); b.GetUpperBound() >= 0.002 {
					if want = 4; b.GetCumulativeCount() != want {
						t.Errorf("%d up to %v s", b.GetCumulativeCount(), b.GetUpperBound())
					}
				} else if b.GetCumulativeCount() != want {
					t.Errorf("%d up to %v s", b.GetCumulativeCount(), b.GetUpperBound())
				}
			}
		}
	})
}

// TestProbeLookup checks which address of a name is probed, and that a lookup counts in the time limit.
func TestProbeLookup(t *testing.T) {
	v4, v6 := netip.MustParseAddr("::ffff:192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	for _, tt := range []struct {
		udp   string
		addrs []netip.Addr
		want  string
	}{
		{"", []netip.Addr{v4, v6}, "2001:db8::7"},
		{"preferred_ip_protocol: ip6", []netip.Addr{v4}, "192.0.2.7"},
		{"preferred_ip_protocol: ip4", []netip.Addr{v6, v4}, "192.0.2.7"},
		{"preferred_ip_protocol: ip4", []netip.Addr{v6}, "2001:db8::7"},
		{"ip_protocol_fallback: false", []netip.Addr{v4}, "invalid IP"},
		{"preferred_ip_protocol: ip4, ip_protocol_fallback: false", []netip.Addr{v6}, "invalid IP"},
		{"", nil, "invalid IP"},
	} {
		inBubble(t, direct, func(t *testing.T, w *world) {
			w.NewPeer("[2001:db8::7]:3000", func(dst, _ []byte) []byte { return append(dst, "PONG"...) })
			w.prober.Lookup = func(context.Context, string, string) ([]netip.Addr, error) {
				time.Sleep(100 * ms)
				return tt.addrs, nil
			}
			r := w.prober.Probe(t.Context(), module(t, strings.TrimPrefix(tt.udp+", "+ping, ", ")), "service.example:3000", time.Second)
			if r.Addr.String() != tt.want || r.Success != r.Addr.IsValid() || r.Lookup != 100*ms {
				t.Errorf("%q: address %v, success %v, lookup %v, want %s", tt.udp, r.Addr, r.Success, r.Lookup, tt.want)
			}
		})
	}
}

func TestProbeLookupFails(t *testing.T) {
	inBubble(t, direct, func(t *testing.T, w *world) {
		w.prober.Lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		r := w.prober.Probe(t.Context(), module(t, ping+", count: 2"), "service.example:3000", 300*ms)
		checkSamples(t, r, `dns_lookup_time_seconds 0.3; duration_seconds 0.3; udp_loss_ratio 1; udp_requests{result="unsent"} 2`)
	})
}

// A probe ends with the client that asked for it.
func TestProbeCanceled(t *testing.T) {
	inBubble(t, func(int, bool) []time.Duration { return nil }, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 70*ms)
		defer cancel()
		begun := time.Now()
		w.prober.Probe(ctx, module(t, ping+", count: 5, interval: 50ms"), serverAddr, time.Second)
		if took := time.Since(begun); took != 70*ms || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("the probe ended after %v", took)
		}
	})
}

// The debug output shows each datagram.
func TestWriteDebug(t *testing.T) {
	inBubble(t, direct, func(t *testing.T, w *world) {
		r := w.prober.Probe(t.Context(), module(t, `query_response: [{send: PING}, {expect: "^O\x1b"}]`), serverAddr, time.Second)
		var b bytes.Buffer
		if err := r.WriteDebug(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`request 1: the response does not match the regular expression "^O\x1b"`,
			"request 1: wrong: ", "0 of 1 requests answered", `── "PING", 4 bytes ──`, `── "PONG", 4 bytes ──`, "unexpected",
			"probe_success 0", "query_response:", "Module m (timeout 1s):",
		} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("the debug output has no %q", want)
			}
		}
		if t.Failed() || strings.Contains(b.String(), "\x1b") {
			t.Errorf("the debug output is\n%s", fmt.Sprintf("%q", b.String()))
		}
	})
}

// The labels and the round-trip times of the steps before a failure are exported. Those of a request
// that succeeds replace them.
func TestProbeLabelsOfFailure(t *testing.T) {
	const steps = `query_response: [{send: PING}, {expect: "^(P)ONG$", labels: [{name: first, value: "${1}"}], send: x},
		{expect: ^y$, labels: [{name: second, value: z}]}]`
	inBubble(t, direct, func(t *testing.T, w *world) {
		r := w.prober.Probe(t.Context(), module(t, steps), serverAddr, time.Second)
		if r.Success || fmt.Sprint(r.labels) != "map[first:P]" || len(r.rtts) != 1 {
			t.Errorf("success %v, labels %v, round trips %v", r.Success, r.labels, r.rtts)
		}
		if text := samples(t, r); !strings.Contains(text, `expect_info{first="P"} 1`) {
			t.Errorf("the metrics are\n%s", text)
		}
	})
	r := &Result{Module: Default().Modules["echo"]}
	failed, passed := map[string]string{"a": "failed"}, map[string]string{"a": "passed"}
	for i, tt := range []struct {
		o    outcome
		want string
	}{
		{outcome{class: measure.Lost, labels: failed}, "failed"},
		{outcome{class: measure.Answered, labels: passed}, "passed"},
		{outcome{class: measure.Lost, labels: failed}, "passed"},
	} {
		if r.add(i+1, tt.o); r.labels["a"] != tt.want {
			t.Errorf("request %d: the labels are %v, want %s", i+1, r.labels, tt.want)
		}
	}
}
