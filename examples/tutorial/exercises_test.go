package tutorial_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
	"github.com/ohce/ohce/internal/testsize"
)

// With 30 % loss each way, five attempts fail with a probability of 3.45 %.
func TestExerciseLoss(t *testing.T) {
	testsize.RequireFull(t)
	server := start(t, inGo("server"))
	link := impaired(t, server, "--loss", "30%", "--seed", "7")
	cmd := command(t, []string{inGo("ohce")(t, link)[0], "send", "--server", link.String(),
		"--expect", "any"})
	var messages bytes.Buffer
	for i := range 1000 {
		fmt.Fprintln(&messages, i)
	}
	cmd.Stdin = &messages
	out, err := cmd.Output()
	// 34.5 failures are expected. The standard deviation is 5.8, and the limits are five of them away.
	failures := 1000 - len(strings.Fields(string(out)))
	if err == nil || failures < 6 || failures > 64 {
		t.Errorf("%d messages without a response, %v; want about 35", failures, err)
	}
}

// A server sends its response to the forged source address of a request.
func TestExerciseForgedDatagram(t *testing.T) {
	python := daemon.Find(t, "python3")
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		if os.Getenv("CI") != "" && runtime.GOOS == "linux" {
			t.Fatal("forging needs root")
		}
		t.Skip("forging needs Linux and root")
	}
	victim, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	server := start(t, inGo("server"))
	cmd := command(t, []string{python, filepath.Join("python", "forge.py"), "127.0.0.1",
		strconv.Itoa(victim.LocalAddr().(*net.UDPAddr).Port), strconv.Itoa(int(server.Port())), "Hello"})
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	buf := make([]byte, 1024)
	if err := victim.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	n, from, err := victim.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "OLLEh" || from.String() != server.String() {
		t.Errorf("got %q from %v, %v, want OLLEh from %v", buf[:n], from, err, server)
	}
}

// The trace in the tutorial has the shape and the words of a real one. Ports and times differ.
func TestTraceAt75Milliseconds(t *testing.T) {
	link := impaired(t, start(t, inGo("server")), "--delay", "75ms")
	cmd := command(t, []string{inGo("ohce")(t, link)[0], "send", "--server", link.String(), "--trace",
		"Hello"})
	trace, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, trace)
	}
	tutorial, err := os.ReadFile(filepath.Join("..", "..", "docs", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(withoutFigures(tutorial), withoutFigures(trace)) {
		t.Errorf("tutorial.md does not show this trace:\n%s", trace)
	}
}

// withoutFigures returns text with each port and each time replaced, and without runs of blanks.
func withoutFigures(text []byte) string {
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAll(text, []byte("ADDRESS"))
	text = regexp.MustCompile(`\d+\.\d{3} ms`).ReplaceAll(text, []byte("TIME"))
	text = regexp.MustCompile(` +`).ReplaceAll(text, []byte(" "))
	return string(text)
}
