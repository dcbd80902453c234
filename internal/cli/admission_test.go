package cli

import (
	"encoding/binary"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/testsize"
)

// spoofedEnv sets the number of requests of the tests below.
const spoofedEnv = "OHCE_SPOOFED"

func spoofed(t *testing.T, def int) int {
	t.Helper()
	s := os.Getenv(spoofedEnv)
	if s == "" {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", spoofedEnv, err)
	}
	return n
}

// An admissionTest passes requests through the default guard of ohce serve and flips their texts.
type admissionTest struct {
	rule     guard.ResponseRule
	now      time.Time
	request  guard.Datagram
	response []byte
}

func newAdmissionTest(t *testing.T) *admissionTest {
	t.Helper()
	var f admissionFlags
	f.register(pflag.NewFlagSet("serve", pflag.PanicOnError))
	a, err := newAdmission(&f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return &admissionTest{rule: a.guard().NewRule(nil).(guard.ResponseRule), now: time.Unix(1, 0)}
}

// answer returns the length of the response, or -1 if there is none.
func (a *admissionTest) answer(from netip.AddrPort, text []byte) int {
	d := &a.request
	d.Source, d.Payload = from, text
	if a.rule.Admit(a.now, d) != guard.Admitted {
		return -1
	}
	a.response = flip.Append(a.response[:0], text)
	if a.rule.AdmitResponse(a.now, d, a.response) != guard.Admitted {
		return -1
	}
	return len(a.response)
}

// TestAdmissionReflection floods the server with requests whose forged sources are in one /24. It
// checks the rate of the responses and their bytes in each second, for texts of all kinds, and that
// a client in that prefix gets half of its exchanges answered.
func TestAdmissionReflection(t *testing.T) {
	const rate = 200_000 // requests a second
	const limit = 32 * guard.DefaultRate
	n := spoofed(t, 1_000_000)
	random := rand.New(rand.NewPCG(1, 1))
	texts := [][]byte{[]byte("Hello"), []byte("ΐ"), []byte("ŉ"), []byte("ß"), []byte("Straße"), {0xff, 0xfe}, {}}
	for range 1000 { // different ones, as those of an attacker who knows the loop guard
		b := make([]byte, random.IntN(60))
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		texts = append(texts, b)
	}
	a := newAdmissionTest(t)
	client := netip.MustParseAddrPort("198.51.100.99:50000")
	var in, out, answers, exchanges, answered, attempts int
	for i := range n {
		a.now = a.now.Add(time.Second / rate)
		if i%(rate/50) == 0 { // each attempt of the client; five are one exchange
			if a.answer(client, []byte("client "+strconv.Itoa(i))) >= 0 {
				answered, attempts = answered+1, 0
				exchanges++
			} else if attempts++; attempts == 5 {
				attempts = 0
				exchanges++
			}
		}
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(random.Uint32())}), uint16(1024+random.IntN(60_000)))
		text := texts[random.IntN(len(texts))]
		in += len(text)
		if length := a.answer(from, text); length >= 0 {
			out += length
			answers++
		}
		if (i+1)%rate > 0 {
			continue
		}
		second := (i + 1) / rate
		if out > in+guard.DefaultCredit {
			t.Errorf("second %d: %d bytes to the victim, %d from the attacker", second, out, in)
		}
		if second > 2 && math.Abs(float64(answers)-limit) > 0.05*limit {
			t.Errorf("second %d: %d responses, want %d", second, answers, limit)
		}
		t.Logf("second %d: %d responses, %d bytes out, %d in", second, answers, out, in)
		in, out, answers = 0, 0, 0
	}
	if answered*2 < exchanges {
		t.Errorf("a client in the prefix had %d of %d exchanges answered, want half", answered, exchanges)
	}
	t.Logf("a client in the prefix had %d of %d exchanges answered", answered, exchanges)
}

// TestAdmissionMemory passes requests from distinct sources through the guard. It checks that the
// guard allocates nothing, and that the time of a decision does not grow: from the second tenth of
// the sources on, in which the table is full, it stays within 10 %. With the default number, the
// test allows a factor of three, because other tests run at the same time. With fewer sources, the
// table does not become full.
func TestAdmissionMemory(t *testing.T) {
	n, allowed := spoofed(t, testsize.Pick(1_000_000, 100_000)), 3.0
	if n > 1_000_000 {
		allowed = 1.1
	}
	a := newAdmissionTest(t)
	var before, after runtime.MemStats
	var times [10]time.Duration
	source := uint32(1)
	for part := range times {
		if part == 1 {
			runtime.ReadMemStats(&before)
		}
		times[part] = a.decide(&source, n/len(times))
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d sources: %v a decision in each tenth; %d bytes allocated", n, times,
		after.TotalAlloc-before.TotalAlloc)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated for %d sources", grown, n)
	}
	least, most := slices.Min(times[1:]), slices.Max(times[1:])
	if n >= 1_000_000 && float64(most) > allowed*float64(least) {
		t.Errorf("a decision takes from %v to %v, want a factor of at most %v", least, most, allowed)
	}
}

// decide passes n requests from further sources through the guard. It returns the least time of a
// decision among pieces of the requests, because other programs can take the processor for a while.
func (a *admissionTest) decide(source *uint32, n int) time.Duration {
	const piece = 1000
	least, text := time.Duration(math.MaxInt64), []byte("Hello")
	for ; n >= piece; n -= piece {
		begun := time.Now()
		for range piece {
			*source += 0x9E3779B9 // visits each value once
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], *source)
			a.now = a.now.Add(time.Microsecond)
			a.answer(netip.AddrPortFrom(netip.AddrFrom4(b), 40_000), text)
		}
		least = min(least, time.Since(begun)/piece)
	}
	return least
}
