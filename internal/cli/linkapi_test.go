package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

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
