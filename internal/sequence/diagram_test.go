package sequence_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/sequence"
)

// A Diagram stores a hundred exchanges of a hundred events each and states what it omits.
func TestDiagramIsBounded(t *testing.T) {
	var d sequence.Diagram
	for n := range uint64(250) {
		x := sequence.Exchange{Number: 250 - n, Client: here.Client, Server: here.Server}
		d.Add(x, sent(1))
		d.Add(x, sent(2))
		d.Add(x, accepted(2))
	}
	last := sequence.Exchange{Number: 250, Client: here.Client, Server: here.Server}
	for range 107 {
		d.Add(last, sequence.Event{Kind: sequence.Ignored, Time: ms, Reason: "unexpected",
			Payload: hello})
	}
	svg := writeSVG(t, &d)
	for _, want := range []string{">exchange 151<", ">exchange 250<",
		"Exchanges that are left out: 150.", "10 more events are left out"} {
		if n := strings.Count(svg, want); n < 1 {
			t.Errorf("the SVG lacks %q", want)
		}
	}
	if strings.Contains(svg, ">exchange 150<") {
		t.Error("the SVG has more than 100 exchanges")
	}
	if strings.Index(svg, ">exchange 151<") > strings.Index(svg, ">exchange 250<") {
		t.Error("the exchanges are not ordered by number")
	}
	if n := strings.Count(svg, ">unexpected, ignored<"); n != 97 {
		t.Errorf("drew %d ignored datagrams, want 97", n)
	}
}

func writeSVG(t *testing.T, d *sequence.Diagram) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	checkSVG(t, b.Bytes())
	return b.String()
}

// The SVG is well-formed XML whatever bytes a datagram, an address or an error contains.
func TestSVGEscapes(t *testing.T) {
	for _, evil := range []string{
		"</text><script>alert(1)</script>", "]]>", "&amp;&#0;", "\x00\x01\x1b[31m\xff\xfe",
		"\ufffe\uffff",
		`" onload="x`, "a\r\nb", "\ud7ff\U0010ffff",
	} {
		var d sequence.Diagram
		x := sequence.Exchange{Number: 1, Client: evil, Server: evil}
		for k := sequence.Sent; k <= sequence.Ignored; k++ {
			for datagram := range 2 {
				d.Add(x, sequence.Event{Kind: k, Attempt: 1, Attempts: 1, Reason: evil, Datagram: datagram,
					Payload: sequence.Sample([]byte(evil))})
			}
		}
		svg := writeSVG(t, &d)
		var doc struct {
			Title string   `xml:"title"`
			Desc  string   `xml:"desc"`
			Texts []string `xml:"g>text"`
		}
		if err := xml.Unmarshal([]byte(svg), &doc); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(doc.Title, "Sequence diagram") ||
			!strings.Contains(doc.Desc, "attempt 1 of 1") {
			t.Errorf("%q: title %q, description %q", evil, doc.Title, doc.Desc)
		}
	}
}

// Any events, in any order and with any datagram numbers, give a well-formed diagram.
func FuzzDiagram(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0x07, 0x17, 0x27, 0x23, 0x13, 0x14, 0x24, 0xf7, 0xf0})
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 12)] // few events suffice to find defects
		var d sequence.Diagram
		var events []sequence.Event
		for i, b := range data {
			e := sequence.Event{Kind: sequence.Kind(b & 15), Attempt: i,
				Datagram: int(b>>4) & 3, ResponseTo: int(b>>6) & 1, Payload: sequence.Sample(data[i:])}
			if i%2 == 1 {
				e.Time = ms << (b >> 4)
			}
			events = append(events, e)
			d.Add(here, e)
		}
		writeSVG(t, &d)
		var b bytes.Buffer
		text := &sequence.Text{W: &b}
		text.Draw(here, events)
		for _, e := range events {
			text.Add(here, e)
		}
		text.Flush()
	})
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrorIsReturned(t *testing.T) {
	if err := new(sequence.Diagram).WriteSVG(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("%v, want %v", err, errBroken)
	}
}

func ExampleText() {
	var out strings.Builder
	x := sequence.Exchange{Number: 1, Client: "127.0.0.1:46110", Server: "127.0.0.1:3000"}
	text := &sequence.Text{W: &out}
	text.Add(x, sequence.Event{Kind: sequence.Sent, Attempt: 1, Attempts: 5, Wait: 100 * ms,
		Payload: sequence.Sample([]byte("Hello"))})
	text.Add(x, sequence.Event{Kind: sequence.Accepted, Time: 2 * ms, Attempt: 1, RoundTrip: 2 * ms,
		Payload: sequence.Sample([]byte("OLLEh"))})
	text.Flush()
	fmt.Print(out.String())
	// Output:
	//              client 127.0.0.1:46110     server 127.0.0.1:3000
	//     0.000 ms │── "Hello", 5 bytes ───────────────>│ attempt 1 of 5, waits 100ms
	//     2.000 ms │<─────────────── "OLLEh", 5 bytes ──│ round trip 2.000 ms
}
