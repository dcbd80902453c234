package cli

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/ohcetest"
)

// sendText runs ohce send with text on standard input.
func sendText(t *testing.T, text string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.Command("ohce", append([]string{"send"}, args...)...) // put on the path by testscript
	cmd.Stdin = strings.NewReader(text)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// inputAndOutput returns the text of n lines, and of the result of a function of each.
func inputAndOutput(n int, f func(i int, line string) string) (lines, want string) {
	var in, out strings.Builder
	for i := range n {
		line := fmt.Sprintf("Line %d", i)
		fmt.Fprintln(&in, line)
		fmt.Fprintln(&out, f(i, line))
	}
	return in.String(), out.String()
}

// TestSendToOtherServer checks that send prints what a server responds whose transform it does not
// know.
func TestSendToOtherServer(t *testing.T) {
	s := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		fmt.Fprintf(w, "<%s>", bytes.ToUpper(r.Data))
	}))
	defer s.Close()
	text, want := inputAndOutput(2000, func(_ int, line string) string {
		return "<" + strings.ToUpper(line) + ">"
	})
	stdout, stderr, err := sendText(t, text, "--server", s.Addr)
	if stdout != want || stderr != "" || err != nil {
		t.Errorf("%v, %d bytes of output, want %d; standard error: %s", err, len(stdout), len(want), stderr)
	}
}

// TestSendToChangingServer checks that each line gets the response of the server, whatever transform
// the server applies at that time.
func TestSendToChangingServer(t *testing.T) {
	reverse, _ := flip.Parse("reverse")
	for _, tt := range []struct {
		name  string
		after func(dst, src []byte) []byte
	}{
		{"to another transform", reverse.Append},
		{"to an unknown one", func(dst, src []byte) []byte {
			return append(append(append(dst, '<'), src...), '>')
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const n, change = 6000, 3000
			var answered atomic.Int64
			s := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
				f := flip.Append
				if answered.Add(1) > change {
					f = tt.after
				}
				w.Write(f(w.AvailableBuffer(), r.Data))
			}))
			defer s.Close()
			text, _ := inputAndOutput(n, func(int, string) string { return "" })
			stdout, stderr, err := sendText(t, text, "--server", s.Addr, "--retry", "200ms,300ms,500ms")
			lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
			const report = ": the server no longer applies flip; detecting its transform again\n"
			if err != nil || len(lines) != n || strings.Count(stderr, "\n") != 1 ||
				!strings.HasSuffix(stderr, report) {
				t.Fatalf("%v, %d lines, standard error: %s", err, len(lines), stderr)
			}
			for i, got := range lines {
				line := []byte(fmt.Sprintf("Line %d", i))
				before, after := string(flip.Append(nil, line)), string(tt.after(nil, line))
				// The server answers lines in any order, so both can occur near the change.
				if got != before && got != after || i == 0 && got != before || i == n-1 && got != after {
					t.Fatalf("line %d is %q, want %q or %q", i, got, before, after)
				}
			}
		})
	}
}
