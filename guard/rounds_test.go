package guard_test

import (
	"bytes"
	"fmt"
	"math/bits"
	"net/netip"
	"testing"
	"time"

	"github.com/ohce/ohce/guard"
)

// A guarded is a server behind a rule: it applies transform.
type guarded struct {
	rule      guard.ResponseRule
	transform func([]byte) []byte
	now       time.Time
	dropped   int
}

func newGuarded(l guard.Loops, transform func([]byte) []byte) *guarded {
	return &guarded{rule: l.NewRule(nil).(guard.ResponseRule), transform: transform, now: time.Unix(1, 0)}
}

func (g *guarded) answer(source netip.AddrPort, data []byte) ([]byte, bool) {
	d := &guard.Datagram{Source: source, Payload: data}
	response := g.transform(data)
	if g.rule.Admit(g.now, d) != guard.Admitted ||
		g.rule.AdmitResponse(g.now, d, response) != guard.Admitted {
		g.dropped++
		return nil, false
	}
	return response, true
}

func reverse(b []byte) []byte {
	out := bytes.Clone(b)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func swapCase(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			out[i] ^= 0x20
		}
	}
	return out
}

func flipped(b []byte) []byte { return reverse(swapCase(b)) }

func same(b []byte) []byte { return b }

// loop sends datagrams back and forth between a server and a peer, all of texts in turn, and returns
// the number that the server receives until silence, at most limit.
func loop(g *guarded, source netip.AddrPort, p func([]byte) []byte, texts [][]byte, limit int) int {
	received := 0
	for len(texts) > 0 && received < limit {
		var next [][]byte
		for _, text := range texts {
			g.now = g.now.Add(3 * time.Microsecond)
			received++
			if response, ok := g.answer(source, text); ok {
				next = append(next, p(response))
			}
		}
		texts = next
	}
	return received
}

// TestLoopsEnd: a loop with any peer ends within 16 datagrams a text.
func TestLoopsEnd(t *testing.T) {
	many := func(n int, length func(i int) int) (texts [][]byte) {
		for i := range n {
			text := fmt.Appendf(nil, "%dx", i)
			texts = append(texts, append(text, bytes.Repeat([]byte{'y'}, length(i))...))
		}
		return texts
	}
	for name, texts := range map[string][][]byte{
		"one":             {[]byte("Hello")},
		"empty":           {{}},
		"palindrome":      {[]byte("abcBA")},
		"two-lengths":     {bytes.Repeat([]byte{'a'}, 26), bytes.Repeat([]byte{'b'}, 27)},
		"fifty-lengths":   many(50, func(i int) int { return i }),
		"hundred-texts":   many(100, func(int) int { return 40 }),
		"ten-thousand":    many(10_000, func(int) int { return 4 }),
		"same-text-twice": {[]byte("Hello"), []byte("Hello")},
	} {
		for peerName, p := range map[string]func([]byte) []byte{
			"flip": flipped, "echo": same,
		} {
			t.Run(name+"/"+peerName, func(t *testing.T) {
				g := newGuarded(guard.Loops{}, flipped)
				limit := 16 * len(texts)
				switch name {
				case "ten-thousand": // more than the table holds: some wait until others have ended
					limit = 2_000_000
				case "same-text-twice": // the series of the second copy is longer by 16
					limit = 16 + 32
				}
				if got := loop(g, source(1), p, texts, 1<<22); got > limit {
					t.Errorf("silent after %d datagrams, want at most %d", got, limit)
				}
				if g.dropped != len(texts) {
					t.Errorf("%d datagrams dropped, want %d", g.dropped, len(texts))
				}
			})
		}
	}
}

// TestLoopsLeaveClientsAlone checks how many requests a client loses.
func TestLoopsLeaveClientsAlone(t *testing.T) {
	distinct := func(i int) []byte { return fmt.Appendf(nil, "request %d", i) }
	equal := func(int) []byte { return []byte("Hello") }
	for _, tt := range []struct {
		name string
		n    int
		text func(int) []byte
		wait time.Duration
		want func(n int) int
	}{
		{"distinct texts without a pause", 1_000_000, distinct, time.Microsecond, func(int) int { return 0 }},
		{"one text every 100 ms", 200, equal, 100 * time.Millisecond, func(int) int { return 0 }},
		{"one text in a closed loop", 100_000, equal, 50 * time.Microsecond, func(n int) int {
			return bits.Len(uint(n / 16)) // 1 + log2(n/16)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuarded(guard.Loops{}, flipped)
			for i := range tt.n {
				for attempt := 0; ; attempt++ {
					if _, ok := g.answer(source(1), tt.text(i)); ok {
						break
					}
					if attempt > 0 {
						t.Fatalf("request %d was dropped twice", i)
					}
					g.now = g.now.Add(100 * time.Millisecond) // the client retransmits
				}
				g.now = g.now.Add(tt.wait)
			}
			if want := tt.want(tt.n); g.dropped > want {
				t.Errorf("%d of %d requests were dropped, want at most %d", g.dropped, tt.n, want)
			}
		})
	}
}

// TestLoopEndsAmongClients: requests of clients do not hide a loop.
func TestLoopEndsAmongClients(t *testing.T) {
	g := newGuarded(guard.Loops{}, flipped)
	text := []byte("Hello")
	for i := range 200_000 {
		g.now = g.now.Add(3 * time.Microsecond)
		if _, ok := g.answer(source(i%500), fmt.Appendf(nil, "request %d", i)); !ok {
			t.Fatal("a client lost a request")
		}
		if i%30 > 0 {
			continue
		}
		response, ok := g.answer(source(1), text) // a client has the port, too
		if !ok {
			if i/30 >= 64 {
				t.Errorf("the loop ended after %d rounds, want at most 64", i/30)
			}
			return
		}
		text = flipped(response)
	}
	t.Error("the loop does not end")
}

// TestStreakEndsLoopOfGrowingTexts: a peer that changes each text does not hide the loop.
func TestStreakEndsLoopOfGrowingTexts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pause time.Duration
		want  bool
	}{
		{"without a pause", time.Millisecond, true},
		{"a client's pauses", 200 * time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const streak = 1000
			g := newGuarded(guard.Loops{Streak: streak}, same)
			dropped := false
			for i := range streak {
				g.now = g.now.Add(tt.pause)
				// Every port, length and text: nothing but the address repeats.
				from := netip.AddrPortFrom(source(1).Addr(), uint16(2000+i))
				_, ok := g.answer(from, make([]byte, i))
				dropped = dropped || !ok
			}
			if dropped != tt.want {
				t.Errorf("dropped %v, want %v", dropped, tt.want)
			}
		})
	}
}

// TestStreakAmongAddresses: a busy address is found although many others send as well.
func TestStreakAmongAddresses(t *testing.T) {
	const streak, crowd = 1000, 50_000
	g := newGuarded(guard.Loops{Streak: streak, Rounds: -1}, same)
	for i := range 100 * streak {
		g.now = g.now.Add(time.Microsecond)
		if _, ok := g.answer(source(i%crowd+1), nil); !ok {
			t.Fatalf("a client lost a datagram out of %d", i/crowd+1)
		}
		if _, ok := g.answer(source(0), nil); !ok {
			return
		}
	}
	t.Errorf("the address was not found within %d datagrams", 100*streak)
}

func BenchmarkLoops(b *testing.B) {
	for _, sources := range []int{1, 64, 100_000} {
		b.Run(fmt.Sprintf("sources-%d", sources), func(b *testing.B) {
			rule := guard.Loops{}.NewRule(nil).(guard.ResponseRule)
			now, request, response := time.Now(), make([]byte, 64), make([]byte, 64)
			d := &guard.Datagram{Payload: request}
			froms := make([]netip.AddrPort, sources)
			for i := range froms {
				froms[i] = source(i)
			}
			i := 0
			for b.Loop() {
				d.Source = froms[i%sources]
				request[0]++
				request[1] = byte(i >> 8)
				rule.Admit(now, d)
				rule.AdmitResponse(now, d, response)
				i++
			}
		})
	}
}
