package cli

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/sequence"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// The link loses the first request. The response to the second attempt arrives after the third
// attempt, whose response is then a duplicate.
func TestTraceMerger(t *testing.T) {
	client, other := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")
	begun := time.Now()
	ms := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Millisecond) }
	pass := func(n int, up bool, from netip.AddrPort, after ...time.Duration) relay.Event {
		e := relay.Event{Time: ms(n), Up: up, Client: from}
		for _, d := range after {
			e.Arrivals = append(e.Arrivals, link.Arrival{After: d})
		}
		return e
	}
	var m traceMerger
	trace := func(n, attempt int, kind sequence.Kind) {
		m.addClient(ohce.TraceAttempt{Exchange: 7, Local: client, Elapsed: time.Since(begun)},
			sequence.Event{Kind: kind, Attempt: attempt, Time: time.Duration(n) * time.Millisecond})
	}
	trace(0, 1, sequence.Sent)
	m.addLink(pass(0, true, client))
	m.addLink(pass(1, true, other, 0))
	trace(100, 2, sequence.Sent)
	m.addLink(pass(100, true, client, 10*time.Millisecond))
	trace(300, 3, sequence.Sent)
	m.addLink(pass(300, true, client, 10*time.Millisecond))
	m.addLink(pass(305, false, client, 10*time.Millisecond))
	m.addLink(pass(306, false, other, 0))
	m.addLink(pass(310, false, client, 10*time.Millisecond))
	trace(315, 3, sequence.Accepted)
	trace(320, 3, sequence.Ignored)
	x, events := m.exchange()
	if x.Number != 7 || x.Client != client.String() {
		t.Errorf("the exchange is %+v", x)
	}
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprint(e.Time.Round(5*time.Millisecond).Milliseconds(), " ", e.Kind, " ",
			e.Attempt, " ", e.ResponseTo, " ", e.Datagram))
	}
	want := []string{
		"0 0 1 0 1", "0 4 1 0 1", // sent, lost
		"100 0 2 0 2", "110 2 2 0 2", // sent, arrived
		"300 0 3 0 3", "305 3 0 2 1002", "310 2 3 0 3", // sent, answered, arrived
		"310 3 0 3 1003", "315 7 3 2 1002", "320 8 3 3 1003", // answered, accepted, ignored
	}
	if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("the events are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, events := m.exchange(); len(events) != 0 {
		t.Errorf("%d events are left for the next exchange", len(events))
	}
}
