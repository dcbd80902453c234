package flip_test

import (
	"bytes"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/ohce/ohce/flip"
)

// FuzzASCIITwiceIsIdentity checks that applying a transform to ASCII text twice restores it.
func FuzzASCIITwiceIsIdentity(f *testing.F) {
	f.Add([]byte("Hello"))
	f.Fuzz(func(t *testing.T, given []byte) {
		src := slices.Clone(given)
		for i := range src {
			src[i] &= 0x7F
		}
		for _, tr := range transforms() {
			if tr.Reverse && tr.Graphemes {
				continue // "\r\n" is one cluster, but reversing "\n\r" can create it
			}
			once := tr.Append(nil, src)
			if len(once) != len(src) {
				t.Fatalf("%s of %q has %d bytes, want %d", tr, src, len(once), len(src))
			}
			if twice := tr.Append(nil, once); !bytes.Equal(twice, src) {
				t.Fatalf("%s applied twice to %q is %q", tr, src, twice)
			}
		}
	})
}

// FuzzAnyBytes checks properties of the results. For any input, the length is bounded and reversing
// keeps every byte. For valid UTF-8, the result is valid, reversing twice restores the text, and
// flip equals reverse followed by swapcase. Invalid bytes can form new characters when reversed, so
// the last three properties do not hold for them.
func FuzzAnyBytes(f *testing.F) {
	f.Add([]byte("Größe \xff\x80"))
	f.Fuzz(func(t *testing.T, src []byte) {
		given := slices.Clone(src)
		for _, tr := range transforms() {
			got := tr.Append([]byte("prefix"), src)
			if !bytes.HasPrefix(got, []byte("prefix")) {
				t.Fatalf("%s: Append changed the contents of dst: %q", tr, got)
			}
			got = got[len("prefix"):]
			if len(got) > flip.MaxGrowth*len(src) {
				t.Fatalf("%s: %d bytes become %d, more than the bound", tr, len(src), len(got))
			}
			if utf8.Valid(src) && !utf8.Valid(got) {
				t.Fatalf("%s of %+q is invalid UTF-8: %+q", tr, src, got)
			}
			if !tr.SwapCase && !sameBytes(got, src) {
				t.Fatalf("%s of %+q does not have the same bytes: %+q", tr, src, got)
			}
		}
		if !bytes.Equal(src, given) {
			t.Fatalf("Append modified src from %+q to %+q", given, src)
		}
		if utf8.Valid(src) {
			checkValid(t, src)
		}
	})
}

func checkValid(t *testing.T, src []byte) {
	reverse, swapcase := flip.Transform{Reverse: true}, flip.Transform{SwapCase: true}
	once := reverse.Append(nil, src)
	if twice := reverse.Append(nil, once); !bytes.Equal(twice, src) {
		t.Fatalf("%+q reversed twice is %+q", src, twice)
	}
	got, want := flip.Append(nil, src), swapcase.Append(nil, once)
	if !bytes.Equal(got, want) {
		t.Fatalf("flip of %+q\n got %+q\nwant %+q", src, got, want)
	}
}

func sameBytes(a, b []byte) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return bytes.Equal(a, b)
}

// FuzzMatchesReference compares the optimized code with the reference implementation.
func FuzzMatchesReference(f *testing.F) {
	f.Add([]byte("ΟΔΟΣ Hello"))
	v := loadVectors()
	f.Fuzz(func(t *testing.T, src []byte) {
		text := decode(src)
		for name, want := range map[string][]rune{
			"flip":     v.swapped(reversed(text)),
			"reverse":  reversed(text),
			"swapcase": v.swapped(text),
			"echo":     text,
		} {
			if got := transform(t, name).Append(nil, src); !bytes.Equal(got, encode(want)) {
				t.Fatalf("%s of %+q\n got %+q\nwant %+q", name, src, got, encode(want))
			}
		}
	})
}

// FuzzGraphemes compares transforms with Graphemes with the reference implementation.
func FuzzGraphemes(f *testing.F) {
	f.Add([]byte("👩‍👩‍👧‍👦 e\u0301 🇩🇪"))
	v := loadVectors()
	f.Fuzz(func(t *testing.T, src []byte) {
		want := reversedClusters(src)
		tr := flip.Transform{Reverse: true, Graphemes: true}
		if got := tr.Append(nil, src); !bytes.Equal(got, encode(want)) {
			t.Fatalf("%s of %+q\n got %+q\nwant %+q", tr, src, got, encode(want))
		}
		tr.SwapCase = true
		if got := tr.Append(nil, src); !bytes.Equal(got, encode(v.swapped(want))) {
			t.Fatalf("%s of %+q\n got %+q\nwant %+q", tr, src, got, encode(v.swapped(want)))
		}
	})
}
