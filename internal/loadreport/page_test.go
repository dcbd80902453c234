package loadreport_test

import (
	"bytes"
	"testing"

	"github.com/ohce/ohce/internal/loadreport"
)

// TestPageSize checks that a long run does not make a large page.
func TestPageSize(t *testing.T) {
	var b bytes.Buffer
	if err := loadreport.WriteHTML(&b, header, longRun()); err != nil {
		t.Fatal(err)
	}
	if got := b.Len() >> 10; got > 300 {
		t.Errorf("the page has %d KiB, want at most 300", got)
	}
}
