package link

import "time"

// A Preset is a network that one meets, in round figures. They are meant for tests that should see the
// kind of trouble which such a network makes; none is a measurement of a particular one.
type Preset struct {
	Name     string
	Says     string // what it stands for
	Up, Down Impairment
}

// Presets are all of them, in the order of their trouble. The caller owns the slice.
func Presets() []Preset {
	const ms = time.Millisecond
	mbit := func(n int64) int64 { return n * 1_000_000 }
	wifi := Impairment{
		Loss: BurstLoss(0.01, 3), Rate: mbit(50), Queue: 250,
		Delay: Delay{Base: 2 * ms, Jitter: 3 * ms, Shape: Pareto, InOrder: true},
	}
	sea := Impairment{
		Loss: RandomLoss(0.001), Rate: mbit(100), Queue: 1000,
		Delay: Delay{Base: 40 * ms, Jitter: ms, Shape: Normal},
	}
	lte := func(rate int64) Impairment {
		return Impairment{
			Loss: BurstLoss(0.002, 2), Rate: rate, Queue: 500,
			Delay: Delay{Base: 25 * ms, Jitter: 8 * ms, Shape: Normal, InOrder: true},
		}
	}
	sky := func(rate int64) Impairment {
		return Impairment{
			Loss: RandomLoss(0.005), Rate: rate, Queue: 500,
			Delay: Delay{Base: 290 * ms, Jitter: 10 * ms, Shape: Normal, InOrder: true},
		}
	}
	lossy := Impairment{
		Loss: RandomLoss(0.3), Duplicate: 0.05, Corrupt: 0.01,
		Delay: Delay{Base: 10 * ms, Jitter: 5 * ms},
	}
	return []Preset{
		{"transatlantic", "a good line between two continents, 80 ms there and back", sea, sea},
		{"wifi", "a shared radio channel: short bursts of loss, now and then a long wait", wifi, wifi},
		{"lte", "a mobile network, 50 ms there and back, slower on the way up", lte(mbit(10)), lte(mbit(40))},
		{"satellite", "a geostationary satellite, 580 ms there and back", sky(mbit(3)), sky(mbit(25))},
		{"lossy", "trouble of every kind, for tests: three of ten lost each way, doubled, overtaken, damaged",
			lossy, lossy},
	}
}

// FindPreset is the preset of that name, and whether there is one.
func FindPreset(name string) (Preset, bool) {
	for _, p := range Presets() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}
