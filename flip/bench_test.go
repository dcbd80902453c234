package flip_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ohce/ohce/flip"
)

// samples are texts in several scripts. sample repeats them to any length.
var samples = []struct{ name, text string }{
	{"ascii", "The quick brown fox jumps over the lazy dog. "},
	{"latin", "Žluťoučký kůň pěl ďábelské ódy; Größe, Übermaß. "},
	{"greek", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΣΟΦΟΣ ΛΟΓΟΣ. "},
	{"cyrillic", "Съешь же ещё этих мягких французских булок, да выпей чаю. "},
	{"han", "我能吞下玻璃而不伤身体。"},
	{"emoji", "👩‍👩‍👧‍👦 🇩🇪 👍🏽 ok! "},
	{"mixed", "Hello Мир, γειά ΣΟΥ κόσμε 世界 👋🏽 naïve Straße. "},
	{"invalid", "ok \xff\xc3 \xe2\x82 \xed\xa0\x80 é "},
}

// sample repeats text and returns the first n bytes, or fewer if byte n is inside a character.
func sample(text string, n int) []byte {
	b := bytes.Repeat([]byte(text), n/len(text)+1)
	for n > 0 && b[n]&0xC0 == 0x80 {
		n--
	}
	return b[:n]
}

func benchmark(b *testing.B, t flip.Transform) {
	for _, s := range samples {
		for _, n := range []int{16, 64, 1024} {
			src := sample(s.text, n)
			b.Run(fmt.Sprintf("%s/%d", s.name, n), func(b *testing.B) {
				dst := make([]byte, 0, 4*len(src))
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				for b.Loop() {
					dst = t.Append(dst[:0], src)
				}
			})
		}
	}
}

func BenchmarkFlip(b *testing.B) {
	benchmark(b, flip.Transform{Reverse: true, SwapCase: true})
}

func BenchmarkReverse(b *testing.B)  { benchmark(b, flip.Transform{Reverse: true}) }
func BenchmarkSwapCase(b *testing.B) { benchmark(b, flip.Transform{SwapCase: true}) }

func BenchmarkGraphemes(b *testing.B) {
	benchmark(b, flip.Transform{Reverse: true, SwapCase: true, Graphemes: true})
}

// byteLoop is the obvious implementation for ASCII, as a baseline.
func byteLoop(dst, src []byte) {
	for i, c := range src {
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst[len(src)-1-i] = c
	}
}

func BenchmarkByteLoop(b *testing.B) {
	for _, n := range []int{16, 64, 1024} {
		src := sample(samples[0].text, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dst := make([]byte, len(src))
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				byteLoop(dst, src)
			}
		})
	}
}
