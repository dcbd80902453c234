package flip_test

import (
	"bytes"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/ohce/ohce/flip"
)

// FuzzASCIITwiceIsIdentity: of ASCII alone, what is flipped twice is what it was.
func FuzzASCIITwiceIsIdentity(f *testing.F) {
	f.Add([]byte("Hello"))
	f.Fuzz(func(t *testing.T, given []byte) {
		src := slices.Clone(given)
		for i := range src {
			src[i] &= 0x7F
		}
		for _, tr := range transforms() {
			if tr.Reverse && tr.Graphemes {
				continue // a line end of two bytes stays, so that it moves against the letters
			}
			once := tr.Append(nil, src)
			if len(once) != len(src) {
				t.Fatalf("%s of %q has %d bytes", tr, src, len(once))
			}
			if twice := tr.Append(nil, once); !bytes.Equal(twice, src) {
				t.Fatalf("%s twice of %q is %q", tr, src, twice)
			}
		}
	})
}

// FuzzAnyBytes: whatever comes, the length is bounded, reversing keeps every byte, and where the
// text is UTF-8, so is the result, reversing twice changes nothing, and flipping is reversing and
// then swapping. The last three do not hold for other bytes, which can form characters anew.
func FuzzAnyBytes(f *testing.F) {
	f.Add([]byte("Größe \xff\x80"))
	f.Fuzz(func(t *testing.T, src []byte) {
		given := slices.Clone(src)
		for _, tr := range transforms() {
			got := tr.Append([]byte("held"), src)
			if !bytes.HasPrefix(got, []byte("held")) {
				t.Fatalf("%s: what dst held is gone: %q", tr, got)
			}
			got = got[len("held"):]
			if len(got) > flip.MaxGrowth*len(src) {
				t.Fatalf("%s: %d bytes become %d", tr, len(src), len(got))
			}
			if utf8.Valid(src) && !utf8.Valid(got) {
				t.Fatalf("%s of valid %+q is not: %+q", tr, src, got)
			}
			if !tr.SwapCase && !sameBytes(got, src) {
				t.Fatalf("%s of %+q has other bytes: %+q", tr, src, got)
			}
		}
		if !bytes.Equal(src, given) {
			t.Fatalf("src was %+q and is %+q", given, src)
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
		t.Fatalf("reversed twice, %+q is %+q", src, twice)
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

// FuzzMatchesReference: the package does what the reference does.
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

// FuzzGraphemes: the result is the clusters of the text, each whole, the last one first.
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
