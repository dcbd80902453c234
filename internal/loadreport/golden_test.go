package loadreport_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

var update = flag.Bool("update", false, "write the files in testdata")

// formats are the outputs by the extension of their file.
var formats = map[string]func(io.Writer, *measure.Report) error{
	".html": func(w io.Writer, r *measure.Report) error { return loadreport.WriteHTML(w, header, r) },
	".txt":  func(w io.Writer, r *measure.Report) error { return loadreport.WriteText(w, header, r) },
	".csv":  loadreport.WriteCSV,
	".hgrm": func(w io.Writer, r *measure.Report) error {
		return loadreport.WriteHGRM(w, r.Latency, r.Percentiles)
	},
}

func TestGolden(t *testing.T) {
	for name, r := range reports {
		for extension, write := range formats {
			t.Run(name+extension, func(t *testing.T) {
				var got bytes.Buffer
				if err := write(&got, r); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join("testdata", name+extension)
				if *update {
					if err := os.WriteFile(file, got.Bytes(), 0o666); err != nil {
						t.Fatal(err)
					}
					return
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), want) {
					t.Errorf("%s differs; if the change is intended, run this test with -update", file)
				}
			})
		}
	}
}

// A failingWriter fails after n bytes.
type failingWriter struct{ n int }

var errFull = errors.New("full")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestWriteErrors checks that each format reports an error of the writer, at its begin and at its
// end.
func TestWriteErrors(t *testing.T) {
	for extension, write := range formats {
		var all bytes.Buffer
		if err := write(&all, reports["stalls"]); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, all.Len() - 1} {
			if err := write(&failingWriter{n}, reports["stalls"]); !errors.Is(err, errFull) {
				t.Errorf("%s: error %v after %d bytes", extension, err, n)
			}
		}
	}
}
