package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ohce/ohce/internal/linkapi"
)

// ohce link and ohce link ctl refuse a schedule that is too long before they use the network.
func TestTooManyTimes(t *testing.T) {
	times := slices.Repeat([]string{"--at", "0s loss=0"}, linkapi.MaxPhases+1)
	for _, args := range [][]string{{"link"}, {"link", "ctl", "create"}} {
		text, err := output(append(args, times...)...)
		want := "ohce: --at is given 1001 times: a schedule has at most 1000 phases\n" +
			"hint: shorten the schedule\n"
		if err == nil || text != want {
			t.Errorf("ohce %s: %v, %s\nwant %s", strings.Join(args, " "), err, text, want)
		}
	}
}

// hostileText clears a screen, fills the clipboard, reverses the text behind it and begins a line.
// U+009B is a control character like ESC [.
const hostileText = "\x1b[2J\x1b]52;c;aGk=\a\u009b31m\u202e\n\x7fx"

// escapedText is hostileText as ohce prints it.
const escapedText = `\x1b[2J\x1b]52;c;aGk=\a\u009b31m\u202e\n\x7fx`

// ohce link ctl prints no control character that a server has sent.
func TestCtlEscapes(t *testing.T) {
	srv := hostileAPI()
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	for _, tt := range []struct{ args, want string }{
		{"list", escapedText + ": listening on " + escapedText + ", forwarding to " + escapedText},
		{"list", "  failed: " + escapedText + "\n"},
		{"show x", escapedText + ": listening on"},
		{"show error", "ohce: " + escapedText + "\nhint: " + escapedText + "\n"},
		{"change error", "ohce: " + escapedText + "\n"},
		{"show invalid", "ohce: the response from " + addr + " is invalid: "},
		{"list --json", `"name":"\u001b[2J\u001b]52;c;aGk=\u0007\u009b31m\u202e\n\u007fx"`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			text, _ := output(append(strings.Fields("link ctl "+tt.args), "--api", addr)...)
			if !strings.Contains(text, tt.want) {
				t.Errorf("%s\nwant in it\n%s", text, tt.want)
			}
			if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }); i >= 0 {
				t.Errorf("%q contains a control character at byte %d", text, i)
			}
		})
	}
	text, err := output("__complete", "link", "ctl", "show", "--api", addr, "")
	if err != nil || !strings.HasPrefix(text, "plain\n:4\n") {
		t.Errorf("the shell completes %q, %v", text, err)
	}
}

// hostileAPI returns a server that answers as the API does, with hostileText in each value.
func hostileAPI() *httptest.Server {
	bad := &linkapi.Status{Name: hostileText, Listen: hostileText, To: hostileText, Error: hostileText}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path.Base(r.URL.Path) {
		case "links":
			json.NewEncoder(w).Encode([]*linkapi.Status{bad, {Name: "plain"}})
		case "error":
			w.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(w).Encode(map[string]string{"error": hostileText, "hint": hostileText})
		case "invalid":
			json.NewEncoder(w).Encode(map[string]any{"up": map[string]string{"loss": hostileText}})
		default:
			json.NewEncoder(w).Encode(bad)
		}
	}))
}

// ohce link ctl ends with an error if the response is endless, not of the API, or late.
func TestCtlLimits(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/links":
			for block := []byte(strings.Repeat(" ", 1<<16)); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		case "/links/page":
			io.WriteString(w, "<html>")
		default:
			w.Write([]byte("{"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	for _, tt := range []struct{ args, want string }{
		{"list --timeout 1m", "ohce: the response from " + addr + " is longer than 16777216 bytes\n" +
			"hint: check that ohce link serves its API at this address\n"},
		{"show page", "ohce: the response from " + addr + " is invalid: invalid character '<' looking for " +
			"beginning of value\nhint: check that ohce link serves its API at this address\n"},
		{"show slow --timeout 100ms", "ohce: no response from the API of ohce link at " + addr +
			": timed out after 100ms\n" +
			"hint: start a link with: ohce link, or set its address with --api\n"},
		{"list --timeout 0s", "ohce: --timeout 0s is not a positive duration\n" +
			"hint: write a duration, such as 10s\n"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			text, err := output(append(strings.Fields("link ctl "+tt.args), "--api", addr)...)
			if err == nil || text != tt.want {
				t.Errorf("%v, %s\nwant %s", err, text, tt.want)
			}
		})
	}
}

// output runs a command, at most for the patience of the tests, and returns everything that it
// prints.
func output(args ...string) (string, error) {
	var text strings.Builder
	cmd := command(args...)
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		return "", err
	}
	defer time.AfterFunc(patience, func() { cmd.Process.Kill() }).Stop()
	err := cmd.Wait()
	return text.String(), err
}
