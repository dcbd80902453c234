package exchange

import (
	"math/rand/v2"
	"testing"

	"github.com/ohce/ohce/internal/testsize"
)

// FuzzMachine drives a Machine through random schedules. It checks that
//   - each request ends exactly once, in order,
//   - no response is delivered twice or to another request,
//   - the bytes held and the open sockets stay within their limits,
//   - no duration is negative,
//   - without loss each request is sent exactly once,
//   - the Machine always makes progress.
func FuzzMachine(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 64 {
		f.Add(randomBytes(random, 40+random.IntN(2000)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			t.Skip("longer than a run needs")
		}
		newSimulation(t, data).run()
	})
}

func randomBytes(random *rand.Rand, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// TestMachineSchedules runs the checks of FuzzMachine with random scripts.
func TestMachineSchedules(t *testing.T) {
	for seed := range uint64(testsize.Pick(2000, 250)) {
		for _, stream := range []uint64{7, 8, 9, 99} {
			runSchedule(t, seed, stream)
		}
	}
}

// runSchedule runs the script that a seed and a stream of random numbers give.
func runSchedule(t *testing.T, seed, stream uint64) {
	defer func() {
		if t.Failed() {
			t.Logf("seed %d, stream %d", seed, stream)
		}
	}()
	random := rand.New(rand.NewPCG(seed, stream))
	newSimulation(t, randomBytes(random, 20+random.IntN(4000))).run()
}
