package leakcheck

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// leakEnv is an environment variable that makes TestLeaks leave a goroutine running.
// TestMainFindsLeak sets it for a child process.
const leakEnv = "OHCE_TEST_LEAK"

func TestLeaks(t *testing.T) {
	if os.Getenv(leakEnv) == "" {
		t.Skip("runs only in the child process of TestMainFindsLeak")
	}
	go leak() // never ends
}

func leak() { select {} }

func TestMainFindsLeak(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestLeaks$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), leakEnv+"=1")
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("process with a leak exited with code %d (%v), want 1", code, err)
	}
	for _, want := range []string{"PASS", "goroutines left behind: 1", "leakcheck.leak"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

func TestLeakedFindsGoroutine(t *testing.T) {
	// Count only the goroutine of this test. Package testing has goroutines of its own.
	count := func(stacks []string) (n int) {
		for _, stack := range stacks {
			if strings.Contains(stack, "leakcheck.waitFor(") {
				n++
			}
		}
		return n
	}
	end, begun, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		waitFor(begun, end)
	}()
	<-begun
	if n := count(others()); n != 1 {
		t.Errorf("others returned %d stacks of this test's goroutine, want 1", n)
	}
	if n := count(leaked(time.Millisecond)); n != 1 {
		t.Errorf("leaked returned %d stacks of this test's goroutine, want 1", n)
	}
	close(end)
	<-ended
	if n := count(others()); n != 0 {
		t.Errorf("others returned %d stacks of this test's goroutine after its end, want 0", n)
	}
}

// waitFor closes begun and returns when end is closed.
func waitFor(begun chan<- struct{}, end <-chan struct{}) {
	close(begun)
	<-end
}

func TestExpected(t *testing.T) {
	tests := []struct {
		name, stack string
		want        bool
	}{
		{"signals", "goroutine 5 [syscall]:\nos/signal.signal_recv()\n\nos/signal.loop()\n" +
			"created by os/signal.Notify.func1.1 in goroutine 1\n", true},
		{"profile", "goroutine 7 [sleep]:\nruntime/pprof.profileWriter()\n" +
			"created by runtime/pprof.StartCPUProfile in goroutine 1\n", true},
		{"leak", "goroutine 9 [select (no cases)]:\nexample.loop()\n" +
			"created by example.start in goroutine 8\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := expected(tt.stack); got != tt.want {
				t.Errorf("expected() = %v, want %v, for:\n%s", got, tt.want, tt.stack)
			}
		})
	}
}
