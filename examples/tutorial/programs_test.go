package tutorial_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
)

// clients are the tutorial's clients: the seed's in both languages, and the one on the library.
var clients = map[string]program{
	"python": inPython("client"), "go": inGo("client"), "library": inGo("library"),
}

func TestClientsAndServers(t *testing.T) {
	servers := map[string]program{"python": inPython("server"), "go": inGo("server")}
	for to, server := range servers {
		for from, client := range clients {
			t.Run(from+" client, "+to+" server", func(t *testing.T) {
				addr := start(t, server)
				out, err := run(t, client, addr, "Hello", "Grün, ΓΙΏΡΓΟ!")
				want := "Hello -> OLLEh\nGrün, ΓΙΏΡΓΟ! -> !ογρώιγ ,NÜRg\n"
				if err != nil || out != want {
					t.Errorf("got %q, %v\nwant %q", out, err, want)
				}
			})
		}
	}
}

// The seed's clients use an unconnected socket, so the kernel does not report that the port is
// unreachable. The library's client receives that report. All use their whole schedule.
func TestClientsWithoutServer(t *testing.T) {
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := "SERVER IS DOWN !"
			if name == "library" {
				want = "server is down"
			}
			addr := freePort(t)
			client(t, addr) // builds the program before the clock starts
			begin := time.Now()
			out, err := run(t, client, addr, "Hello")
			if out != "" || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, %v, want %q", out, err, want)
			}
			if took := time.Since(begin); took < 1500*time.Millisecond {
				t.Errorf("the client gave up after %v, want at least 1.5 s", took)
			}
		})
	}
}

// With 75 ms each way, the second response to a message arrives while the client waits for the
// response to the next one.
func TestClientsAt75Milliseconds(t *testing.T) {
	wrong := "first -> TSRIF\nsecond -> TSRIF\nthird -> DNOCES\n"
	right := "first -> TSRIF\nsecond -> DNOCES\nthird -> DRIHT\n"
	for name, want := range map[string]string{"python": wrong, "go": wrong, "library": right} {
		t.Run(name, func(t *testing.T) {
			addr := impaired(t, start(t, inGo("server")), "--delay", "75ms")
			out, err := run(t, clients[name], addr, "first", "second", "third")
			if err != nil || out != want {
				t.Errorf("got %q, %v\nwant %q", out, err, want)
			}
			checkTutorialShows(t, "127.0.0.1:4000 first second third\n"+out,
				"127.0.0.1 4000 first second third\n"+out)
		})
	}
}

// A program outside the clone finds the library by a replace directive or by a workspace. The test
// runs the tutorial's commands without a network.
func TestLibraryOutsideTheClone(t *testing.T) {
	daemon.Find(t, "go")
	clone, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join("library", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	addr := start(t, inGo("server")).String()
	tests := map[string]struct {
		flags    string // GOFLAGS; -mod=mod writes go.mod as "go mod tidy" does
		commands []string
	}{
		"replace": {"-mod=mod", []string{
			"go mod init example.com/hello",
			"go mod edit -replace github.com/ohce/ohce=../ohce",
		}},
		"workspace": {"", []string{
			"go mod init example.com/hello",
			"go work init . ../ohce",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.go"), source, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, line := range append(tt.commands, "go run . "+addr+" Hello") {
				out, err := outside(t, dir, line, clone, tt.flags)
				if err != nil {
					t.Fatalf("%s: %v\n%s", line, err, out)
				}
				if strings.HasPrefix(line, "go run") && !strings.HasSuffix(out, "Hello -> OLLEh\n") {
					t.Errorf("%s prints %q", line, out)
				}
			}
			for _, line := range tt.commands {
				checkTutorialShows(t, "$ "+line+"\n")
			}
		})
	}
}

// outside runs a line of the tutorial in a folder outside the clone and returns its output.
func outside(t *testing.T, dir, line, clone, flags string) (string, error) {
	t.Helper()
	cmd := command(t, strings.Fields(strings.ReplaceAll(line, "../ohce", clone)))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS="+flags, "GOPROXY=off", "GOSUMDB=off", "GOWORK=")
	out, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(out), "\r\n", "\n"), err
}

// checkTutorialShows checks that the tutorial contains one of several texts.
func checkTutorialShows(t *testing.T, texts ...string) {
	t.Helper()
	tutorial, err := os.ReadFile(filepath.Join("..", "..", "docs", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if bytes.Contains(tutorial, []byte(text)) {
			return
		}
	}
	t.Errorf("tutorial.md does not show %q", texts)
}
