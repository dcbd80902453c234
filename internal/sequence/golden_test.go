package sequence_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/sequence"
)

var update = flag.Bool("update", false, "write the diagrams into testdata and docs")

const ms = time.Millisecond

// A scenario is a series of events in the order in which a Text receives them.
type scenario []step

type step struct {
	sequence.Exchange
	sequence.Event
}

var (
	here  = sequence.Exchange{Number: 1, Client: "127.0.0.1:46110", Server: "127.0.0.1:3000"}
	hello = sequence.Sample([]byte("Hello"))
	olleh = sequence.Sample([]byte("OLLEh"))
)

// scenarios are drawn as text and as SVG. Each has its files in testdata.
var scenarios = map[string]scenario{
	// One request and its response.
	"answered": of(here,
		sequence.Event{Kind: sequence.Sent, Time: 42 * time.Microsecond, Attempt: 1, Wait: 100 * ms,
			Payload: hello},
		sequence.Event{Kind: sequence.Accepted, Time: 273 * time.Microsecond, Attempt: 1,
			RoundTrip: 269 * time.Microsecond, Payload: olleh}),

	// Every kind of event that a client reports.
	"client": of(here,
		sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms, Payload: hello},
		sequence.Event{Kind: sequence.Unreachable, Time: 200 * time.Microsecond, Attempt: 1},
		sequence.Event{Kind: sequence.TimedOut, Time: 100 * ms, Attempt: 1, Wait: 100 * ms},
		sequence.Event{Kind: sequence.Refused, Time: 100 * ms, Attempt: 2, Wait: 200 * ms,
			Payload: hello, Reason: "network is unreachable"},
		sequence.Event{Kind: sequence.TimedOut, Time: 300 * ms, Attempt: 2, Wait: 200 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 300 * ms, Attempt: 3, Wait: 300 * ms, Payload: hello},
		sequence.Event{Kind: sequence.Ignored, Time: 310 * ms, Attempt: 3, Reason: "oversize",
			Payload: sequence.Sample(bytes.Repeat([]byte("too long "), 7000))},
		sequence.Event{Kind: sequence.Ignored, Time: 320 * ms, Attempt: 3, Reason: "unexpected",
			Payload: sequence.Sample([]byte("<!-- & -->\x00\xff"))},
		sequence.Event{Kind: sequence.Accepted, Time: 350*ms + 42*time.Microsecond, Attempt: 3,
			RoundTrip: 50*ms + 42*time.Microsecond, Payload: olleh},
		sequence.Event{Kind: sequence.Ignored, Time: 700 * ms, Attempt: 3, Reason: "duplicate",
			Payload: olleh}),

	// A server that does not respond.
	"down": of(here,
		sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms, Payload: hello},
		sequence.Event{Kind: sequence.TimedOut, Time: 100 * ms, Attempt: 1, Wait: 100 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 100 * ms, Attempt: 2, Wait: 2 * time.Minute,
			Payload: hello},
		sequence.Event{Kind: sequence.TimedOut, Time: 120_100 * ms, Attempt: 2, Wait: 2 * time.Minute}),

	// A server that refuses the first attempt and is there for the second.
	"refused": of(here,
		sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms, Payload: hello},
		sequence.Event{Kind: sequence.Unreachable, Time: 200 * time.Microsecond, Attempt: 1},
		sequence.Event{Kind: sequence.TimedOut, Time: 100 * ms, Attempt: 1, Wait: 100 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 100 * ms, Attempt: 2, Wait: 200 * ms, Payload: hello},
		sequence.Event{Kind: sequence.Accepted, Time: 101 * ms, Attempt: 2, RoundTrip: ms,
			Payload: olleh}),

	// Every kind of event that a relay reports.
	"network": of(here,
		sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms, Payload: hello, Datagram: 1},
		sequence.Event{Kind: sequence.Lost, Attempt: 1, Datagram: 1},
		sequence.Event{Kind: sequence.TimedOut, Time: 100 * ms, Attempt: 1, Wait: 100 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 100 * ms, Attempt: 2, Wait: 200 * ms, Payload: hello,
			Datagram: 2},
		sequence.Event{Kind: sequence.Arrived, Time: 130 * ms, Attempt: 2, Payload: hello, Datagram: 2},
		sequence.Event{Kind: sequence.Answered, Time: 131 * ms, ResponseTo: 2, Payload: olleh,
			Datagram: 3},
		sequence.Event{Kind: sequence.Lost, Time: 131 * ms, Datagram: 3},
		sequence.Event{Kind: sequence.Arrived, Time: 180 * ms, Attempt: 2, Payload: hello, Datagram: 2},
		sequence.Event{Kind: sequence.Answered, Time: 181 * ms, ResponseTo: 2, Payload: olleh,
			Datagram: 4},
		sequence.Event{Kind: sequence.TimedOut, Time: 300 * ms, Attempt: 2, Wait: 200 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 300 * ms, Attempt: 3, Wait: 300 * ms, Payload: hello,
			Datagram: 5},
		sequence.Event{Kind: sequence.Accepted, Time: 320 * ms, Attempt: 3, ResponseTo: 2,
			RoundTrip: 20 * ms, Payload: olleh, Datagram: 4},
		sequence.Event{Kind: sequence.Ignored, Time: 330 * ms, Attempt: 3, ResponseTo: 2,
			Reason: "duplicate", Payload: olleh, Datagram: 4},
		sequence.Event{Kind: sequence.Arrived, Time: 340 * ms, Attempt: 3, Payload: hello, Datagram: 5},
		sequence.Event{Kind: sequence.Answered, Time: 341 * ms, ResponseTo: 3, Payload: olleh,
			Datagram: 6}),

	// Three concurrent exchanges, two of them between the same endpoints, one with long addresses.
	"several": append(nested(here,
		sequence.Exchange{Number: 2, Client: here.Client, Server: here.Server},
		sequence.Exchange{Number: 1000, Client: "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:46110",
			Server: "[2001:db8:85a3:8d3:1319:8a2e:370:7344]:3000"}),
		step{sequence.Exchange{Client: here.Client, Server: here.Server}, sequence.Event{
			Kind: sequence.Ignored, Reason: "unexpected", Time: ms, Payload: hello}}),

	"nothing": nil,
}

// of returns the steps of one exchange with at most five attempts.
func of(x sequence.Exchange, events ...sequence.Event) (s scenario) {
	for _, e := range events {
		e.Attempts = 5
		s = append(s, step{x, e})
	}
	return s
}

// nested returns the steps of exchanges that begin one after the other and end in reverse order.
func nested(all ...sequence.Exchange) (s scenario) {
	for i, x := range all {
		s = append(s, of(x, sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms,
			Payload: sequence.Sample([]byte{byte('a' + i)})})...)
	}
	for i := len(all) - 1; i >= 0; i-- {
		s = append(s, of(all[i], sequence.Event{Kind: sequence.Accepted, Time: 10 * ms, Attempt: 1,
			RoundTrip: 10 * ms, Payload: sequence.Sample([]byte{byte('A' + i)})})...)
	}
	return s
}

func (s scenario) text(t *sequence.Text) {
	for _, step := range s {
		t.Add(step.Exchange, step.Event)
	}
	t.Flush()
}

func (s scenario) events() (all []sequence.Event) {
	for _, step := range s {
		all = append(all, step.Event)
	}
	return all
}

func (s scenario) svg(t *testing.T) []byte {
	t.Helper()
	var d sequence.Diagram
	for _, step := range s {
		d.Add(step.Exchange, step.Event)
	}
	var b bytes.Buffer
	if err := d.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The scenario with a relay's events is drawn at its end, the others event by event.
func TestText(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			text := &sequence.Text{W: &b, Numbered: name == "several"}
			if name == "network" {
				text.Draw(here, s.events())
			} else {
				s.text(text)
			}
			golden(t, filepath.Join("testdata", name+".txt"), b.Bytes())
		})
	}
}

func TestSVG(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			svg := s.svg(t)
			checkSVG(t, svg)
			golden(t, filepath.Join("testdata", name+".svg"), svg)
		})
	}
}

// golden compares got with a file. With -update it writes the file first.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s\nif that is intended, run: go test ./internal/sequence -update", file,
			got, want)
	}
}

// checkSVG checks that svg is well-formed XML that loads nothing and contains no script.
func checkSVG(t *testing.T, svg []byte) {
	t.Helper()
	in := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		start, ok := token.(xml.StartElement)
		if ok && strings.Contains(" script image use foreignObject a ", " "+start.Name.Local+" ") {
			t.Errorf("the SVG has an element %s", start.Name.Local)
		}
		for _, a := range start.Attr {
			if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") {
				t.Errorf("the SVG has %s=%q", a.Name.Local, a.Value)
			}
		}
	}
}
