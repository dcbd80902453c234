package leakcheck

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// leakEnv makes TestLeaks leave a goroutine running. TestMainFindsALeak sets it for a child
// process.
const leakEnv = "OHCE_TEST_LEAK"

func TestLeaks(t *testing.T) {
	if os.Getenv(leakEnv) == "" {
		t.Skip("for the child process of TestMainFindsALeak")
	}
	go leak() // never ends, on purpose
}

func leak() { select {} }

func TestMainFindsALeak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the whole grace")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestLeaks$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), leakEnv+"=1")
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("a process that leaks ended with %d (%v), want exit code 1", code, err)
	}
	for _, want := range []string{"PASS", "goroutines left behind: 1", "leakcheck.leak"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("its output lacks %q:\n%s", want, out)
		}
	}
}

func TestLeakedFindsOneMore(t *testing.T) {
	// The testing package has goroutines of its own; this test's is identified by its function.
	ours := func(stacks []string) (n int) {
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
	if n := ours(others()); n != 1 {
		t.Errorf("%d of the others are ours, want 1", n)
	}
	if n := ours(leaked(time.Millisecond)); n != 1 {
		t.Errorf("%d of the leaked are ours, want 1", n)
	}
	close(end)
	<-ended
	if n := ours(others()); n != 0 {
		t.Errorf("%d of the others are ours after its end, want 0", n)
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
		{"ours", "goroutine 9 [select (no cases)]:\nours.loop()\n" +
			"created by ours.start in goroutine 8\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := expected(tt.stack); got != tt.want {
				t.Errorf("expected() = %v, want %v, for:\n%s", got, tt.want, tt.stack)
			}
		})
	}
}
