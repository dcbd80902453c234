package exporter

import (
	"testing"

	"github.com/ohce/ohce/internal/leakcheck"
	"github.com/ohce/ohce/internal/testsize"
)

func TestMain(m *testing.M) {
	testsize.RunInParallel()
	leakcheck.Main(m)
}
