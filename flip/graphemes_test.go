package flip_test

import (
	"testing"

	"github.com/ohce/ohce/flip"
)

func TestGraphemes(t *testing.T) {
	for _, tt := range []struct{ name, src, reverse, flip string }{
		{"empty", "", "", ""},
		{"ascii", "aBc", "cBa", "CbA"},
		{"line-end", "a\r\nb", "b\r\na", "B\r\nA"},
		{"accent", "e\u0301X", "Xe\u0301", "xE\u0301"},
		{"family", "a👩‍👩‍👧‍👦b", "b👩‍👩‍👧‍👦a", "B👩‍👩‍👧‍👦A"},
		{"flags", "🇩🇪🇫🇷", "🇫🇷🇩🇪", "🇫🇷🇩🇪"},
		{"odd-flag", "🇩🇪🇫", "🇫🇩🇪", "🇫🇩🇪"},
		{"skin-tone", "👍🏽!", "!👍🏽", "!👍🏽"},
		{"hangul-jamo", "\u1112\u1161\u11abx", "x\u1112\u1161\u11ab", "X\u1112\u1161\u11ab"},
		{"devanagari-conjunct", "क्षa", "aक्ष", "Aक्ष"},
		{"final-sigma-after-reversal", "ΣΑ", "ΑΣ", "ας"},
		{"final-sigma-with-accent", "Σ\u0301Α", "ΑΣ\u0301", "ας\u0301"},
		{"sigma-before-invalid-byte", "a\xffΣΑ", "ΑΣ\xffa", "ας\xffA"},
		{"sharp-s-grows", "ßa", "aß", "ASS"},
		{"invalid-bytes", "a\xff\x80b", "b\x80\xffa", "B\x80\xffA"},
		{"invalid-bytes-form-no-letter", "\xa9\xc3", "\xc3\xa9", "\xc3\xa9"},
		{"encoded-surrogate", "\xed\xa0\x80a", "a\x80\xa0\xed", "A\x80\xa0\xed"},
		{"overlong", "\xe0\x80\x80", "\x80\x80\xe0", "\x80\x80\xe0"},
		{"accent-after-invalid-byte", "\xff\u0301a", "a\u0301\xff", "A\u0301\xff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := flip.Transform{Reverse: true, Graphemes: true}
			if got := tr.Append(nil, []byte(tt.src)); string(got) != tt.reverse {
				t.Errorf("%s: got %+q, want %+q", tr, got, tt.reverse)
			}
			tr.SwapCase = true
			if got := tr.Append(nil, []byte(tt.src)); string(got) != tt.flip {
				t.Errorf("%s: got %+q, want %+q", tr, got, tt.flip)
			}
		})
	}
}

func TestGraphemesWithoutReverse(t *testing.T) {
	src := []byte("e\u0301 👩‍👩‍👧‍👦 \xff ΑΣ")
	for _, tr := range []flip.Transform{{}, {SwapCase: true}} {
		want := tr.Append(nil, src)
		tr.Graphemes = true
		if got := tr.Append(nil, src); string(got) != string(want) {
			t.Errorf("%s: got %+q, want %+q", tr, got, want)
		}
	}
}
