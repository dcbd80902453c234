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

var update = flag.Bool("update", false, "write the pictures into testdata and docs")

const ms = time.Millisecond

// A story is what happens in some exchanges, in the order in which it is told.
type story []happening

type happening struct {
	sequence.Exchange
	sequence.Event
}

var (
	here  = sequence.Exchange{Number: 1, Client: "127.0.0.1:46110", Server: "127.0.0.1:3000"}
	hello = sequence.Sample([]byte("Hello"))
	olleh = sequence.Sample([]byte("OLLEh"))
)

// stories are drawn both as text and as a picture; each has its files in testdata.
var stories = map[string]story{
	// One request, one answer: all is known that a client can know.
	"answered": of(here,
		sequence.Event{Kind: sequence.Sent, Time: 42 * time.Microsecond, Attempt: 1, Wait: 100 * ms,
			Payload: hello},
		sequence.Event{Kind: sequence.Accepted, Time: 273 * time.Microsecond, Attempt: 1,
			RoundTrip: 269 * time.Microsecond, Payload: olleh}),

	// All that a client alone can see.
	"client": of(here,
		sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms, Payload: hello},
		sequence.Event{Kind: sequence.Unreachable, Time: 200 * time.Microsecond, Attempt: 1},
		sequence.Event{Kind: sequence.TimedOut, Time: 100 * ms, Attempt: 1, Wait: 100 * ms},
		sequence.Event{Kind: sequence.Refused, Time: 100 * ms, Attempt: 2, Wait: 200 * ms,
			Payload: hello, Why: "network is unreachable"},
		sequence.Event{Kind: sequence.TimedOut, Time: 300 * ms, Attempt: 2, Wait: 200 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 300 * ms, Attempt: 3, Wait: 300 * ms, Payload: hello},
		sequence.Event{Kind: sequence.Ignored, Time: 310 * ms, Attempt: 3, Why: "oversize",
			Payload: sequence.Sample(bytes.Repeat([]byte("too long "), 7000))},
		sequence.Event{Kind: sequence.Ignored, Time: 320 * ms, Attempt: 3, Why: "unexpected",
			Payload: sequence.Sample([]byte("<!-- & -->\x00\xff"))},
		sequence.Event{Kind: sequence.Accepted, Time: 350*ms + 42*time.Microsecond, Attempt: 3,
			RoundTrip: 50*ms + 42*time.Microsecond, Payload: olleh},
		sequence.Event{Kind: sequence.Ignored, Time: 700 * ms, Attempt: 3, Why: "duplicate",
			Payload: olleh}),

	// Nobody answers.
	"down": of(here,
		sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms, Payload: hello},
		sequence.Event{Kind: sequence.TimedOut, Time: 100 * ms, Attempt: 1, Wait: 100 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 100 * ms, Attempt: 2, Wait: 2 * time.Minute,
			Payload: hello},
		sequence.Event{Kind: sequence.TimedOut, Time: 120_100 * ms, Attempt: 2, Wait: 2 * time.Minute}),

	// What one knows who stands between the two.
	"network": of(here,
		sequence.Event{Kind: sequence.Sent, Attempt: 1, Wait: 100 * ms, Payload: hello, Datagram: 1},
		sequence.Event{Kind: sequence.Lost, Attempt: 1, Datagram: 1},
		sequence.Event{Kind: sequence.TimedOut, Time: 100 * ms, Attempt: 1, Wait: 100 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 100 * ms, Attempt: 2, Wait: 200 * ms, Payload: hello,
			Datagram: 2},
		sequence.Event{Kind: sequence.Arrived, Time: 130 * ms, Attempt: 2, Payload: hello, Datagram: 2},
		sequence.Event{Kind: sequence.Answered, Time: 131 * ms, Answers: 2, Payload: olleh, Datagram: 3},
		sequence.Event{Kind: sequence.Lost, Time: 131 * ms, Datagram: 3},
		sequence.Event{Kind: sequence.Arrived, Time: 180 * ms, Attempt: 2, Payload: hello, Datagram: 2},
		sequence.Event{Kind: sequence.Answered, Time: 181 * ms, Answers: 2, Payload: olleh, Datagram: 4},
		sequence.Event{Kind: sequence.TimedOut, Time: 300 * ms, Attempt: 2, Wait: 200 * ms},
		sequence.Event{Kind: sequence.Sent, Time: 300 * ms, Attempt: 3, Wait: 300 * ms, Payload: hello,
			Datagram: 5},
		sequence.Event{Kind: sequence.Accepted, Time: 320 * ms, Attempt: 3, Answers: 2, RoundTrip: 20 * ms,
			Payload: olleh, Datagram: 4},
		sequence.Event{Kind: sequence.Ignored, Time: 330 * ms, Attempt: 3, Answers: 2, Why: "duplicate",
			Payload: olleh, Datagram: 4},
		sequence.Event{Kind: sequence.Arrived, Time: 340 * ms, Attempt: 3, Payload: hello, Datagram: 5},
		sequence.Event{Kind: sequence.Answered, Time: 341 * ms, Answers: 3, Payload: olleh, Datagram: 6}),

	// Three at once, two of them through the same socket, and addresses as long as they can be.
	"several": append(together(here,
		sequence.Exchange{Number: 2, Client: here.Client, Server: here.Server},
		sequence.Exchange{Number: 1000, Client: "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:46110",
			Server: "[2001:db8:85a3:8d3:1319:8a2e:370:7344]:3000"}),
		happening{sequence.Exchange{Client: here.Client, Server: here.Server}, sequence.Event{
			Kind: sequence.Ignored, Why: "unexpected", Time: ms, Payload: hello}}),

	"nothing": nil,
}

// of tells one exchange of five attempts at most.
func of(x sequence.Exchange, events ...sequence.Event) (s story) {
	for _, e := range events {
		e.Attempts = 5
		s = append(s, happening{x, e})
	}
	return s
}

// together tells exchanges that begin one after the other and end the other way round.
func together(all ...sequence.Exchange) (s story) {
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

func (s story) text(t *sequence.Text) {
	for _, h := range s {
		t.Add(h.Exchange, h.Event)
	}
	t.Flush()
}

func (s story) events() (all []sequence.Event) {
	for _, h := range s {
		all = append(all, h.Event)
	}
	return all
}

func (s story) svg(t *testing.T) []byte {
	t.Helper()
	var d sequence.Diagram
	for _, h := range s {
		d.Add(h.Exchange, h.Event)
	}
	var b bytes.Buffer
	if err := d.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What a network tells is drawn when all is over, the rest as it comes.
func TestText(t *testing.T) {
	for name, s := range stories {
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
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			picture := s.svg(t)
			wellFormed(t, picture)
			golden(t, filepath.Join("testdata", name+".svg"), picture)
		})
	}
}

// golden compares with a file, or writes it.
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
		t.Errorf("%s is\n%s\nwant\n%s\nif that is right, run: go test ./internal/sequence -update", file,
			got, want)
	}
}

// wellFormed checks that a picture is XML that fetches and runs nothing.
func wellFormed(t *testing.T, picture []byte) {
	t.Helper()
	in := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		start, ok := token.(xml.StartElement)
		if ok && strings.Contains(" script image use foreignObject a ", " "+start.Name.Local+" ") {
			t.Errorf("the picture has an element %s", start.Name.Local)
		}
		for _, a := range start.Attr {
			if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") {
				t.Errorf("the picture has %s=%q", a.Name.Local, a.Value)
			}
		}
	}
}
