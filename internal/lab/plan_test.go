package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/ohcetest"
)

// kinds returns the kinds of the steps of a plan.
func kinds(p *Plan) (all []Kind) {
	for _, s := range p.Steps {
		all = append(all, s.Kind)
	}
	return all
}

func linearPlan(s Settings) *Plan { return newPlan(&s, s.Link(), linearSchedule().waits) }

func TestPlan(t *testing.T) {
	base := Settings{Text: "Hello", Delay: 40, Overtake: true, Server: true}
	with := func(change func(s *Settings)) Settings {
		s := base
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name     string
		settings Settings
		want     []Kind
		elapsed  time.Duration
	}{
		{"no loss", base, []Kind{Sent, Served, Accepted}, 80 * time.Millisecond},
		{"the wait ends first", with(func(s *Settings) { s.Delay = 50 }),
			[]Kind{Sent, Served, TimedOut, Sent, Accepted, Served, Duplicate}, 100 * time.Millisecond},
		{"the fourth wait ends first", with(func(s *Settings) { s.Delay = 500 }), []Kind{
			Sent, TimedOut, Sent, TimedOut, Sent, Served, TimedOut, Sent, Served, Served, TimedOut, Sent, Accepted,
			Served, Duplicate, Duplicate, Served, Duplicate, Duplicate,
		}, time.Second},
		{"all duplicated", with(func(s *Settings) { s.Duplicate = 100 }),
			[]Kind{Sent, Served, Served, Accepted, Duplicate, Duplicate, Duplicate}, 80 * time.Millisecond},
		{"all lost", with(func(s *Settings) { s.Loss = 100 }), []Kind{
			Sent, RequestLost, TimedOut, Sent, RequestLost, TimedOut, Sent, RequestLost, TimedOut,
			Sent, RequestLost, TimedOut, Sent, RequestLost, TimedOut, Down,
		}, 1500 * time.Millisecond},
		{"no server", with(func(s *Settings) { s.Server = false }), []Kind{
			Sent, Refused, TimedOut, Sent, Refused, TimedOut, Sent, Refused, TimedOut,
			Sent, Refused, TimedOut, Sent, Refused, TimedOut, Down,
		}, 1500 * time.Millisecond},
		{"late", with(func(s *Settings) { s.Delay = 800 }), []Kind{
			Sent, TimedOut, Sent, TimedOut, Sent, TimedOut, Sent, Served, Served, TimedOut, Sent, Served, Served,
			TimedOut, Down, Late, Late, Served, Late, Late, Late,
		}, 1500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := linearPlan(tt.settings)
			if got := kinds(p); !slices.Equal(got, tt.want) || p.Elapsed != tt.elapsed {
				t.Errorf("%v after %v, want %v after %v", got, p.Elapsed, tt.want, tt.elapsed)
			}
		})
	}
}

// randomSettings returns settings of all kinds of networks.
func randomSettings(r *rand.Rand) Settings {
	return Settings{
		Text: "Hello", Loss: r.IntN(101), Duplicate: r.IntN(101), Delay: MinDelay + r.IntN(MaxDelay-MinDelay),
		Jitter: 1 + r.IntN(MaxJitter), Overtake: r.IntN(3) > 0, Seed: r.Uint32(), Server: r.IntN(8) > 0,
	}
}

// TestPlanInvariants checks what holds in every plan.
func TestPlanInvariants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range testsize.Pick(5000, 500) {
		s := randomSettings(r)
		for _, one := range schedules(&s) {
			p := newPlan(&s, s.Link(), one.waits)
			if again := newPlan(&s, s.Link(), one.waits); !reflect.DeepEqual(p, again) {
				t.Fatalf("%+v: two plans differ", s)
			}
			if err := checkPlan(p, one.budget()); err != nil {
				t.Fatalf("%+v, %s: %v\n%+v", s, one.name, err, p.Steps)
			}
		}
	}
}

func checkPlan(p *Plan, budget time.Duration) error {
	count := make(map[Kind]int)
	ends := make([]int, len(p.Datagrams))
	last := time.Duration(0)
	for _, s := range p.Steps {
		count[s.Kind]++
		if s.Kind != Sent && s.Datagram >= 0 {
			ends[s.Datagram]++
		}
		if s.At < last {
			return fmt.Errorf("the steps are not sorted")
		}
		last = s.At
	}
	if i := slices.IndexFunc(ends, func(n int) bool { return n != 1 }); i >= 0 {
		return fmt.Errorf("datagram %d ends %d times", i, ends[i])
	}
	if count[Sent] != len(p.Waits) || count[Accepted]+count[Down] != 1 || p.Answered != (count[Accepted] == 1) {
		return fmt.Errorf("counts %v", count)
	}
	if p.Elapsed > budget || !p.Answered && p.Elapsed != budget {
		return fmt.Errorf("elapsed %v of %v", p.Elapsed, budget)
	}
	return nil
}

// TestOvertake checks that datagrams overtake each other, unless the link keeps the order.
func TestOvertake(t *testing.T) {
	for _, overtake := range []bool{true, false} {
		overtaken := 0
		for seed := range uint32(100) {
			s := Settings{Delay: 150, Jitter: 140, Overtake: overtake, Seed: seed, Server: true}
			p := linearPlan(s)
			e := &explainer{plan: p}
			for _, d := range p.Datagrams {
				if e.overtaken(d) > 0 {
					overtaken++
				}
			}
		}
		if (overtaken > 0) != overtake {
			t.Errorf("overtake %v: %d datagrams have overtaken others", overtake, overtaken)
		}
	}
}

// simulate makes an exchange in simulated time with the client and the server of the library. It
// returns the steps that the client sees, and when.
func simulate(t *testing.T, s *Settings, retry ohce.Retry) (steps []observation) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		addr := netip.MustParseAddrPort("192.0.2.2:3000")
		network := &ohcetest.Network{Link: ohcetest.Impair(s.Link(), addr)}
		stop := func() {}
		if s.Server {
			stop = simulateServer(t, network, addr)
		}
		r := newRecorder()
		client := &ohce.Client{
			Addr: addr.String(), Dial: network.Dial, Retry: retry, Match: ohce.MatchExact(flip.Append),
			Trace: r.trace(), Linger: time.Minute,
		}
		_, err := client.Exchange(t.Context(), []byte(s.Text))
		if errors.Is(err, ohce.ErrServerDown) {
			r.gaveUp()
		} else if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second) // of simulated time: all datagrams have arrived
		client.Close()
		stop()
		for _, o := range r.client {
			steps = append(steps, observation{o.kind, o.at.Add(-time.Duration(r.begun.UnixNano()))})
		}
	})
	return steps
}

func simulateServer(t *testing.T, network *ohcetest.Network, addr netip.AddrPort) (stop func()) {
	pc, err := network.ListenPacket(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	server := &ohce.Server{Guard: guard.Guards{}, Handler: ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) { w.Write(flip.Append(nil, r.Data)) })}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(pc) }) // ends with Shutdown; stop waits for it
	return func() { server.Shutdown(context.Background()); serving.Wait() }
}

// TestPlanIsWhatClientsDo compares plans with exchanges of the library in simulated time, where no
// machine is too busy.
func TestPlanIsWhatClientsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range testsize.Pick(300, 60) {
		s := randomSettings(r)
		for _, one := range schedules(&s) {
			p := newPlan(&s, s.Link(), one.waits)
			var want []observation
			for _, step := range p.Steps {
				switch step.Kind {
				case Late, Duplicate:
					want = append(want, observation{Duplicate, time.Unix(0, int64(step.At))})
				case Sent, TimedOut, Accepted, Down:
					want = append(want, observation{step.Kind, time.Unix(0, int64(step.At))})
				}
			}
			got := simulate(t, &s, ohce.RetryAfter(one.waits...))
			same := slices.EqualFunc(got, want, func(a, b observation) bool { return a.kind == b.kind && a.at.Equal(b.at) })
			if !same {
				t.Fatalf("%+v, %s:\n got %v\nwant %v", s, one.name, got, want)
			}
		}
	}
}
