package dashboard

import (
	"testing"

	"github.com/ohce/ohce/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }
