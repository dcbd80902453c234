package udp

import (
	"os"
	"testing"

	"github.com/ohce/ohce/internal/leakcheck"
)

func TestMain(m *testing.M) {
	if limit := os.Getenv(filesLimit); limit != "" {
		openUnderLimit(limit)
		return
	}
	leakcheck.Main(m)
}
