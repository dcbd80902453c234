package handover

import (
	"os"
	"testing"
	"time"
)

// testTimeout is the time limit of each wait for a process or a datagram.
const testTimeout = 20 * time.Second

// TestMain runs the tests or, if a test has started this binary as a successor, the successor.
func TestMain(m *testing.M) {
	if mode := os.Getenv("OHCE_TEST_SUCCESSOR"); mode != "" {
		os.Exit(asSuccessor(mode))
	}
	os.Exit(m.Run())
}
