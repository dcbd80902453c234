package cli

import (
	"errors"
	"testing"

	"github.com/ohce/ohce/measure"
)

// TestVerdict checks the exit code and the hint of a load for each kind of report.
func TestVerdict(t *testing.T) {
	const slow, few = "choose a lower --rate, --segments, or a faster machine",
		"a single late request matters among 300 requests: send for a longer time"
	for _, tt := range []struct {
		name   string
		report measure.Report
		code   int
		hint   string
	}{
		{"answered", measure.Report{Asked: 300, Sent: 300, Answered: 300, Trustworthy: true}, exitOK, ""},
		{"nothing asked", measure.Report{Trustworthy: true}, exitFail, ""},
		{"one late", measure.Report{Asked: 300, Sent: 300, Answered: 300, Own: measure.Own{Missed: 1}}, exitUntrusted, few},
		{"many late", measure.Report{Asked: 300, Sent: 300, Answered: 300, Own: measure.Own{Missed: 5}}, exitUntrusted, slow},
		{"of many", measure.Report{Asked: 5000, Sent: 5000, Answered: 10, Own: measure.Own{Missed: 4}}, exitUntrusted, slow},
		{"no answer, one late", measure.Report{Asked: 300, Sent: 300, Own: measure.Own{Missed: 1}}, exitFail, ""},
		{"late answers", measure.Report{Asked: 300, Sent: 300, Late: 2, Trustworthy: true}, exitFail,
			"choose a longer --timeout"},
		{"dropped here", measure.Report{Asked: 300, Sent: 300, Own: measure.Own{Overflow: 300}}, exitUntrusted, slow},
		{"interrupted", measure.Report{Asked: 300, Sent: 300, InFlight: 300, Trustworthy: true}, exitFail, ""},
		{"not sent", measure.Report{Asked: 300, Own: measure.Own{Refused: 300}}, exitUntrusted, slow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, hint := exitOK, ""
			if f := new(failure); errors.As(verdict(&tt.report, "h:1"), &f) {
				code, hint = f.code, f.hint
			}
			if code != tt.code || hint != tt.hint {
				t.Errorf("exit code %d, hint %q; want %d, %q", code, hint, tt.code, tt.hint)
			}
		})
	}
}
