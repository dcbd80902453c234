package docs_test

import (
	"bytes"
	"errors"
	"flag"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/sequence"
	"github.com/ohce/ohce/ohcetest"
)

var update = flag.Bool("update", false, "write the diagrams of the tutorial")

const ms = time.Millisecond

// A recorder is a network that delays each datagram by 75 ms and records it for a diagram.
type recorder struct {
	server string
	start  time.Time

	mu       sync.Mutex
	sent     []transmission // the requests, in order
	arrived  int            // requests that have arrived at the server
	answered int            // responses that have arrived at the client
	events   []sequence.Event
}

// A transmission is one attempt of one message.
type transmission struct {
	message string
	attempt int
	wait    time.Duration
}

// add records an event. The caller holds r.mu.
func (r *recorder) add(e sequence.Event, after time.Duration) {
	e.Time, e.Attempts = time.Since(r.start)+after, 5
	r.events = append(r.events, e)
}

// pass is the Link of an ohcetest.Network. It carries datagrams in order, so the n-th response is
// the one to the n-th request.
func (r *recorder) pass(d ohcetest.Datagram) []ohcetest.Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := sequence.Sample(d.Data)
	if d.To.String() == r.server {
		n := len(r.sent)
		s := r.sent[n-1]
		r.add(sequence.Event{Kind: sequence.Sent, Attempt: s.attempt, Wait: s.wait, Payload: p,
			Datagram: n}, 0)
		r.add(sequence.Event{Kind: sequence.Arrived, Attempt: s.attempt, Payload: p, Datagram: n}, 75*ms)
	} else {
		r.arrived++
		r.add(sequence.Event{Kind: sequence.Answered, ResponseTo: r.sent[r.arrived-1].attempt, Payload: p,
			Datagram: 100 + r.arrived}, 0)
	}
	return []ohcetest.Arrival{{After: 75 * ms, Datagram: d}}
}

// ask is the seed's loop. It records what it sends and receives.
func (r *recorder) ask(client net.PacketConn, server net.Addr, message string) error {
	buf := make([]byte, 1024)
	for attempt := range 5 {
		s := transmission{message, attempt + 1, time.Duration(attempt+1) * 100 * ms}
		r.mu.Lock()
		r.sent = append(r.sent, s)
		r.mu.Unlock()
		if _, err := client.WriteTo([]byte(message), server); err != nil {
			return err
		}
		if err := client.SetReadDeadline(time.Now().Add(s.wait)); err != nil {
			return err
		}
		n, _, err := client.ReadFrom(buf)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			r.accept(s, buf[:n])
			return err
		}
		r.mu.Lock()
		r.add(sequence.Event{Kind: sequence.TimedOut, Attempt: s.attempt, Wait: s.wait}, 0)
		r.mu.Unlock()
	}
	return errors.New("SERVER IS DOWN !")
}

// accept records that the client takes a response for the one to s.
func (r *recorder) accept(s transmission, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered++
	to := r.sent[r.answered-1]
	e := sequence.Event{Kind: sequence.Accepted, Attempt: s.attempt, ResponseTo: to.attempt,
		Payload: sequence.Sample(data), Datagram: 100 + r.answered}
	if to.message != s.message {
		e.Attempt = len(r.sent) + to.attempt // any later attempt: the diagram then calls it late
	}
	r.add(e, 0)
}

// The tutorial shows the seed's client on a network that loses nothing and takes 75 ms each way.
func TestDiagramOfLateResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{server: "192.0.2.7:3000", start: time.Now()}
		network := &ohcetest.Network{Link: r.pass}
		peer := network.NewPeer(r.server, flip.Append)
		client, err := network.ListenPacket("192.0.2.1:49152")
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range []string{"first", "second", "third"} {
			if err := r.ask(client, net.UDPAddrFromAddrPort(peer.Addr()), message); err != nil {
				t.Fatal(err)
			}
			// The second response to a message and the timeout of the next message are due at the same
			// time. The client's own work decides which of them is first.
			time.Sleep(ms / 10)
		}
		r.draw(t, client.LocalAddr().String(), time.Since(r.start))
		client.Close()
		time.Sleep(time.Second) // the last datagrams arrive
	})
}

// draw compares the diagrams with the tutorial, or writes them if the flag is set.
func (r *recorder) draw(t *testing.T, client string, end time.Duration) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var events []sequence.Event
	for _, e := range r.events {
		if e.Time < end {
			events = append(events, e)
		}
	}
	x := sequence.Exchange{Number: 1, Client: client, Server: r.server}
	var diagram sequence.Diagram
	for _, e := range events {
		diagram.Add(x, e)
	}
	var svg, text bytes.Buffer
	if err := diagram.WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	(&sequence.Text{W: &text}).Draw(x, events)
	checkFile(t, "late.svg", svg.String())

	const begin, end2 = "<!-- drawn by TestDiagramOfLateResponses -->\n```text\n", "```\n"
	tutorial, err := os.ReadFile("tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(tutorial), begin)
	_, after, ok2 := strings.Cut(rest, end2)
	if !ok1 || !ok2 {
		t.Fatal("tutorial.md has no place for the diagram")
	}
	checkFile(t, "tutorial.md", before+begin+text.String()+end2+after)
}

// checkFile compares a file with its wanted content, or writes it if the flag is set.
func checkFile(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not show the diagram; write it with: go test -run %s ./docs -update", name,
			t.Name())
	}
}
