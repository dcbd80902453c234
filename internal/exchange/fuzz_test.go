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
	for seed := range uint64(testsize.Pick(2000, 500)) {
		random := rand.New(rand.NewPCG(seed, 7))
		newSimulation(t, randomBytes(random, 20+random.IntN(4000))).run()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
