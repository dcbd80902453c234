package sequence_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/sequence"
)

func sent(n int) sequence.Event {
	return sequence.Event{Kind: sequence.Sent, Attempt: n, Attempts: 5, Wait: 100 * ms, Payload: hello}
}

func accepted(n int) sequence.Event {
	return sequence.Event{Kind: sequence.Accepted, Time: ms, Attempt: n, Attempts: 5, RoundTrip: ms,
		Payload: olleh}
}

// summarize returns one word for each line of a text: the number of an exchange, "sent", "answer"
// or "duplicate".
func summarize(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		var n int
		switch {
		case strings.Contains(line, "exchange"):
			fmt.Sscanf(strings.TrimSpace(line), "exchange %d", &n)
			all = append(all, fmt.Sprint(n))
		case strings.Contains(line, "attempt"):
			all = append(all, "sent")
		case strings.Contains(line, "duplicate"):
			all = append(all, "duplicate")
		case strings.Contains(line, "round trip"):
			all = append(all, "answer")
		}
	}
	return strings.Join(all, " ")
}

// A Text draws one open exchange event by event and buffers the others.
func TestTextDrawsOneAtATime(t *testing.T) {
	var b bytes.Buffer
	text := &sequence.Text{W: &b, Numbered: true}
	x := func(n uint64) sequence.Exchange {
		return sequence.Exchange{Number: n, Client: here.Client, Server: here.Server}
	}
	duplicate := sequence.Event{Kind: sequence.Ignored, Time: 2 * ms, Reason: "duplicate",
		Payload: olleh}
	for i, step := range []struct {
		n    uint64
		e    sequence.Event
		want string
	}{
		{2, sent(1), "2 sent"},
		{4, sent(1), ""},
		{3, sent(1), ""},
		{2, sent(2), "sent"},
		{4, accepted(1), ""},
		{4, duplicate, ""},
		{2, accepted(2), "answer 3 sent"},
		{3, accepted(1), "answer 4 sent answer duplicate"},
		{3, duplicate, "3 duplicate"},
		{1, sent(1), "1 sent"},
		{3, duplicate, "3 duplicate"},
		{5, sent(1), ""},
		{1, sent(2), "1 sent"},
	} {
		b.Reset()
		text.Add(x(step.n), step.e)
		if got := summarize(b.String()); got != step.want {
			t.Fatalf("step %d: %q, want %q:\n%s", i+1, got, step.want, &b)
		}
	}
	b.Reset()
	text.Flush()
	if got := summarize(b.String()); got != "5 sent" {
		t.Errorf("at the end %q, want 5 sent", got)
	}
	b.Reset()
	text.Flush()
	text.Add(x(6), sent(1)) // Flush ended the exchanges before
	if got := summarize(b.String()); got != "6 sent" {
		t.Errorf("after the end %q, want 6 sent", got)
	}
}

// A line is not wider than Columns, whatever a datagram contains.
func TestTextFitsTheColumns(t *testing.T) {
	wide := sequence.Sample([]byte(strings.Repeat("日本語", 100)))
	for _, tt := range []struct{ columns, want int }{
		{0, 80}, {40, 68}, {80, 80}, {100, 100}, {200, 120},
	} {
		var b bytes.Buffer
		text := &sequence.Text{W: &b, Columns: tt.columns}
		e := sent(1)
		e.Payload = wide
		text.Add(here, e)
		e = accepted(1)
		e.Payload = wide
		text.Add(here, e)
		text.Add(here, sequence.Event{Kind: sequence.TimedOut, Wait: ms})
		for line := range strings.Lines(b.String()) {
			if line = strings.TrimSuffix(line, "\n"); !strings.Contains(line, "│") {
				continue // the addresses
			}
			bar := columnOf(line, "│", 2)
			if n := columns(line); n > tt.want || bar != tt.want-30 {
				t.Errorf("%d columns: a line of %d with the server at %d, want up to %d and %d:\n%s",
					tt.columns, n, bar, tt.want, tt.want-30, &b)
			}
		}
	}
}

// columns returns the width of a line on a terminal, for the characters of these tests.
func columns(line string) (n int) {
	for _, r := range line {
		n++
		if r >= '日' && r < 0xa000 || r == '本' || r == '語' {
			n++
		}
	}
	return n
}

// columnOf returns the column of the n-th bar.
func columnOf(line, bar string, n int) int {
	parts := strings.SplitN(line, bar, n+1)
	return columns(strings.Join(parts[:n], bar))
}

// Mark changes nothing but the marked parts.
func TestTextMarks(t *testing.T) {
	for name, s := range scenarios {
		var plain, marked bytes.Buffer
		s.text(&sequence.Text{W: &plain})
		s.text(&sequence.Text{W: &marked, Mark: func(tone sequence.Tone, text string) string {
			if tone == sequence.Plain {
				t.Errorf("%s: Mark was called for %q with Plain", name, text)
			}
			return "\x02" + text + "\x03"
		}})
		if len(s) > 0 && !strings.Contains(marked.String(), "\x02│\x03") {
			t.Errorf("%s: nothing is marked in\n%s", name, &marked)
		}
		stripped := strings.NewReplacer("\x02", "", "\x03", "").Replace(marked.String())
		if stripped != plain.String() {
			t.Errorf("%s: marked it is\n%s\nwant\n%s", name, stripped, &plain)
		}
	}
}

func TestQuote(t *testing.T) {
	long := strings.Repeat("0123456789", 10)
	for _, tt := range []struct {
		name, data string
		columns    int
		want       string
	}{
		{"empty", "", 10, `""`},
		{"fits", "Hello", 7, `"Hello"`},
		{"does not", "Hello", 6, `"..."`},
		{"by two", "Hello, World!", 14, `"Hel"..."ld!"`},
		{"escapes", "\x00\n\"\xff", 20, `"\x00\n\"\xff"`},
		{"directions", "a\u202eb", 20, `"a\u202eb"`},
		{"wide", "日本語", 8, `"日本語"`},
		{"too wide", "日本語", 7, `"..."`},
		{"marks take no column", "e\u0301e\u0301", 4, "\"e\u0301e\u0301\""},
		{"48 are kept", long[:48], 99, `"` + long[:48] + `"`},
		{"49 are not", long[:49], 99, `"` + long[:24] + `"..."` + long[25:49] + `"`},
		{"ends", long, 20, `"012345"..."456789"`},
		{"stray bytes", strings.Repeat("\xff", 100), 30, `"\xff\xff"..."\xff\xff"`},
		{"too narrow", long, 0, `"..."`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sequence.Sample([]byte(tt.data)).Quote(tt.columns); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
