package link

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

// roundTrip fails if text or JSON loses anything of a valid impairment.
func roundTrip(t *testing.T, i Impairment) {
	t.Helper()
	text, err := i.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var back Impairment
	if err := back.UnmarshalText(text); err != nil || back != i {
		t.Errorf("%+v is written %s and read %+v, %v", i, text, back, err)
	}
	object, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	back = Impairment{}
	if err := json.Unmarshal(object, &back); err != nil || back != i {
		t.Errorf("%+v is written %s and read %+v, %v", i, object, back, err)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, loss := range []Loss{
		RandomLoss(1.0 / 3), BurstLoss(0.1, 4), BurstLoss(1.0/3, 7), BurstLoss(0.123456789012345, 3.3),
		{Good: 0.02, Bad: 0.6, ToBad: 0.05, ToGood: 0.2}, {Good: 0.1, Bad: 1, ToBad: 0.1, ToGood: 0.5},
		{Bad: 1}, {Bad: 0.5}, {ToGood: 1}, {ToBad: 1}, {Bad: 1, ToGood: 0.25}, {Good: 5e-324},
	} {
		roundTrip(t, Impairment{Loss: loss})
	}
	roundTrip(t, Impairment{Rate: 1<<62 - 1})
	roundTrip(t, Impairment{Rate: 1_234_567_891})
	roundTrip(t, Impairment{Truncate: 2.0 / 3, Corrupt: 0.07, Duplicate: 1e-9})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(true, true, 1500, 10, 3, 0.02, 0.6, 0.05, 0.2, 0.07, int64(1_000_001), int64(1), int64(2), uint8(2))
	f.Add(false, false, 0, 0, 0, 1.0/3, 0.0, 0.0, 0.0, 1.0, int64(64_000), int64(0), int64(5), uint8(0))
	f.Add(false, false, 0, 0, 0, 0.0, 1.0, 0.0277, 0.25, 0.0, int64(0), int64(0), int64(0), uint8(0))
	f.Fuzz(func(t *testing.T, hole, inOrder bool, mtu, queue, rebind int, good, bad, toBad, toGood, share float64,
		rate, base, jitter int64, shape uint8) {
		// Most values are mapped to valid ones, so that few inputs are invalid.
		fraction := func(x float64) float64 {
			if x == 1 {
				return x
			}
			return math.Abs(math.Mod(x, 1))
		}
		i := Impairment{
			BlackHole: hole, MTU: mtu, Rate: rate, Queue: queue % maxQueue, RebindEvery: rebind,
			Loss:     Loss{fraction(good), fraction(bad), fraction(toBad), fraction(toGood)},
			Truncate: fraction(share), Corrupt: fraction(share), Duplicate: fraction(share),
			Delay: Delay{time.Duration(base) % maxDelay, time.Duration(jitter) % maxDelay, Shape(shape) % shapes, inOrder},
		}
		if i.Check() == nil {
			roundTrip(t, i)
		}
	})
}

func FuzzUnmarshalText(f *testing.F) {
	f.Add("loss=75% burst=3 rate=1.5Mbit/s")
	f.Add("loss=0.8333333333333334,burst=5 delay=1h±1h shape=pareto in-order")
	f.Add("loss_good=1% loss_bad=60% to_bad=5% to_good=20%")
	f.Fuzz(func(t *testing.T, text string) {
		var i Impairment
		if i.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := i.Check(); err != nil {
			t.Errorf("%q is read as %+v: %v", text, i, err)
		}
		roundTrip(t, i)
	})
}
