package dashboard

import (
	"slices"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link/relay"
)

// at returns a time some seconds after an arbitrary one.
func at(seconds float64) time.Time {
	return time.UnixMilli(1_800_000_000_000).Add(time.Duration(seconds * float64(time.Second)))
}

func TestCompareServers(t *testing.T) {
	shards := []ohce.ShardStats{
		{Stats: ohce.ServerStats{Received: 1000, Answered: 900, KernelDropped: 5, InFlight: 1}, RequestBytes: 64_000},
		{Stats: ohce.ServerStats{Received: 10, Answered: 10}, RequestBytes: 100, ResponseBytes: 50},
	}
	shards[0].Stats.Dropped[ohce.DropRate] = 99
	var r recorder
	f := r.add(at(0), OfServer(shards))
	if f.Interval != 0 || f.Flows[0].Received != (figure{1010, 0}) {
		t.Errorf("the first frame has the interval %v and %v", f.Interval, f.Flows[0].Received)
	}
	shards[0].Stats.Received += 500
	shards[1].Stats.Received += 2
	shards[0].Stats.Answered += 400
	shards[0].Stats.Dropped[ohce.DropRate] += 100
	shards[1].Stats.Dropped[ohce.DropOversize] += 2
	shards[1].Stats.KernelDropped++
	shards[0].ResponseBytes += 333
	f = r.add(at(2), OfServer(shards))
	got := f.Flows[0]
	want := flowFigures{
		Name: ServerFlow, Received: figure{1512, 251}, Sent: figure{1310, 200}, Waiting: 1,
		ReceivedBytes: figure{64_100, 0}, SentBytes: figure{383, 166.5}, KernelDropped: figure{6, 0.5},
	}
	dropped := []counterFigure{{"oversize", figure{2, 1}}, {"rate", figure{199, 50}}}
	if !slices.Equal(got.Dropped, dropped) {
		t.Errorf("dropped %v, want %v", got.Dropped, dropped)
	}
	if got.Dropped = nil; !equalFlows(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if f.Interval != 2 || f.Time != at(2).UnixMilli() {
		t.Errorf("interval %v, time %v", f.Interval, f.Time)
	}
}

// equalFlows compares all but the lists.
func equalFlows(a, b flowFigures) bool {
	return a.Name == b.Name && a.Received == b.Received && a.Sent == b.Sent && a.Waiting == b.Waiting &&
		a.ReceivedBytes == b.ReceivedBytes && a.SentBytes == b.SentBytes && a.KernelDropped == b.KernelDropped
}

func TestNewFigure(t *testing.T) {
	for _, tt := range []struct {
		name           string
		earlier, total uint64
		elapsed        time.Duration
		want           figure
	}{
		{"a second", 10, 25, time.Second, figure{25, 15}},
		{"tenths", 0, 1, 3 * time.Second, figure{1, 0.3}},
		{"a late snapshot", 0, 5000, 2500 * time.Millisecond, figure{5000, 2000}},
		{"no interval", 0, 5, 0, figure{5, 0}},
		{"a new link with an old name", 100, 7, time.Second, figure{7, 7}},
	} {
		if got := newFigure(tt.earlier, tt.total, tt.elapsed); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A link that is added begins at 0, and one that is removed leaves no figures.
func TestCompareLinks(t *testing.T) {
	var r recorder
	one := Link{Name: "one", Stats: relay.Stats{Up: relay.DirectionStats{Received: 10}}}
	r.add(at(0), OfLinks([]Link{one}, 0))
	one.Stats.Up.Received = 30
	two := Link{Name: "two"}
	two.Stats.Up.Received, two.Stats.Down.Sent = 15, 4
	f := r.add(at(1), OfLinks([]Link{two, one}, 3))
	for i, want := range []struct {
		name           string
		received, sent figure
	}{
		{"two up", figure{15, 15}, figure{}}, {"two down", figure{}, figure{4, 4}},
		{"one up", figure{30, 20}, figure{}}, {"one down", figure{}, figure{}},
	} {
		if got := f.Flows[i]; got.Name != want.name || got.Received != want.received || got.Sent != want.sent {
			t.Errorf("flow %d: %+v, want %+v", i, got, want)
		}
	}
	if f.MoreLinks != 3 || f.Handler != nil || len(f.Links) != 2 {
		t.Errorf("%d more links, handler %v, %d links", f.MoreLinks, f.Handler, len(f.Links))
	}
	r.add(at(2), OfLinks([]Link{two}, 0))
	h := r.history()
	if len(h.Flows) != 2 || !slices.Equal(h.Flows["two down"].Sent, []float64{4, 0}) {
		t.Errorf("the history has %d flows, of two down %v", len(h.Flows), h.Flows["two down"])
	}
}

func TestHistory(t *testing.T) {
	var r recorder
	var s ohce.ShardStats
	for i := range historyLength + 6 {
		s.Stats.Received += uint64(i)
		if i == 305 {
			s.Stats.Dropped[ohce.DropLoop] = 7
			s.Stats.KernelDropped = 9
		}
		r.add(at(float64(i)), OfServer([]ohce.ShardStats{s}))
	}
	h := r.history()
	flow := h.Flows[ServerFlow]
	if len(h.Times) != historyLength || h.Times[0] != at(6).UnixMilli() {
		t.Fatalf("%d times from %d", len(h.Times), h.Times[0])
	}
	last := historyLength - 1
	if flow.Received[0] != 6 || flow.Received[last] != 305 || flow.Sent[last] != 0 {
		t.Errorf("received %v … %v, sent %v", flow.Received[0], flow.Received[last], flow.Sent[last])
	}
	if len(flow.Dropped) != 1 || flow.Dropped["loop"][last] != 7 || flow.Dropped["loop"][last-1] != 0 ||
		flow.KernelDropped[last] != 9 {
		t.Errorf("dropped %v, by the kernel %v", flow.Dropped, flow.KernelDropped[last])
	}
}

// Two snapshots at the same time have no rate, and leave no point in the history.
func TestNoInterval(t *testing.T) {
	var r recorder
	s := OfServer([]ohce.ShardStats{{Stats: ohce.ServerStats{Received: 5}}})
	r.add(at(1), s)
	f := r.add(at(1), OfServer([]ohce.ShardStats{{Stats: ohce.ServerStats{Received: 9}}}))
	if f.Flows[0].Received != (figure{9, 0}) || len(r.history().Times) != 0 {
		t.Errorf("received %v, %d points", f.Flows[0].Received, len(r.history().Times))
	}
}
