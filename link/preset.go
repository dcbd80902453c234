package link

import "time"

// A Preset is a link with the parameters of a kind of network, in round figures. Use it to expose a
// program to the problems of such a network. The parameters do not reproduce measurements.
type Preset struct {
	Name        string
	Description string
	Up, Down    Impairment
}

// Presets returns all presets, from the mildest to the worst. The caller owns the slice.
func Presets() []Preset {
	const ms = time.Millisecond
	mbit := func(n int64) int64 { return n * 1_000_000 }
	wifi := Impairment{
		Loss: BurstLoss(0.01, 3), Rate: mbit(50), Queue: 250,
		Delay: Delay{Base: 2 * ms, Jitter: 3 * ms, Shape: Pareto, InOrder: true},
	}
	transatlantic := Impairment{
		Loss: RandomLoss(0.001), Rate: mbit(100), Queue: 1000,
		Delay: Delay{Base: 40 * ms, Jitter: ms, Shape: Normal},
	}
	lte := func(rate int64) Impairment {
		return Impairment{
			Loss: BurstLoss(0.002, 2), Rate: rate, Queue: 500,
			Delay: Delay{Base: 25 * ms, Jitter: 8 * ms, Shape: Normal, InOrder: true},
		}
	}
	satellite := func(rate int64) Impairment {
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
		{"transatlantic", "a good line between two continents, 80 ms round trip",
			transatlantic, transatlantic},
		{"wifi", "a shared radio channel: short bursts of loss, occasional long delays",
			wifi, wifi},
		{"lte", "a mobile network, 50 ms round trip, slower on the way up",
			lte(mbit(10)), lte(mbit(40))},
		{"satellite", "a geostationary satellite, 580 ms round trip",
			satellite(mbit(3)), satellite(mbit(25))},
		{"lossy", "heavy impairments for tests: 30 % loss each way, duplicates, reordering, corruption",
			lossy, lossy},
	}
}

// FindPreset returns the preset with the given name and reports whether there is one.
func FindPreset(name string) (Preset, bool) {
	for _, p := range Presets() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}
