package loadreport_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

// TestDirections checks that the text and the page have the loss by direction. They say that the
// system of the server counts packets if it has dropped some and other requests are lost.
func TestDirections(t *testing.T) {
	const note = "a packet can hold several requests"
	for _, tt := range []struct {
		name       string
		directions *measure.DirectionReport
		text, row  string
		note       bool
	}{
		{"unknown", nil, "", "", false},
		{"lost", &measure.DirectionReport{RequestsLost: 4321}, "by direction: 4321 requests lost on the way",
			">4,321<", false},
		{"overflow", &measure.DirectionReport{ServerOverflow: 5432},
			"by direction: 5432 requests dropped by the system of the server", ">5,432<", false},
		{"segments", &measure.DirectionReport{RequestsLost: 6300, ServerOverflow: 100},
			"by direction: 6300 requests lost on the way, 100 requests dropped by the system of the server",
			">6,300<", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := *reports["one"]
			r.ByDirection = tt.directions
			var page, text bytes.Buffer
			if err := loadreport.WriteHTML(&page, header, &r); err != nil {
				t.Fatal(err)
			}
			if err := loadreport.WriteText(&text, header, &r); err != nil {
				t.Fatal(err)
			}
			for format, output := range map[string]struct{ text, want string }{
				"text": {text.String(), tt.text}, "page": {page.String(), tt.row},
			} {
				words := strings.Join(strings.Fields(output.text), " ")
				if !strings.Contains(words, output.want) || strings.Contains(words, note) != tt.note ||
					tt.directions == nil && strings.Contains(words, "by direction") {
					t.Errorf("%s: want %q and the note %v in\n%s", format, output.want, tt.note, output.text)
				}
			}
		})
	}
}
