//go:build linux && !ohce_portable

package cli

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// pagesEnv sets the number of open pages. "make pages" sets it.
const pagesEnv = "OHCE_PAGES"

const (
	pagesRounds = 5
	minPage     = 500 // less than the first bytes of a stream
	// maxPagesCost is the share of the responses under a flood that the pages may cost. The test
	// checks it if the floods last for minPagesFlood, because shorter ones have too much noise.
	maxPagesCost  = 0.05
	minPagesFlood = 5 * time.Second
)

// TestPagesCost floods a server, by turns without and with open pages, and compares the numbers of
// responses. It needs a machine without other work, and two processors or more.
func TestPagesCost(t *testing.T) {
	pages, err := strconv.Atoi(os.Getenv(pagesEnv))
	if err != nil || pages < 1 {
		t.Skip("make pages runs it")
	}
	p, addr := serveMonitored(t, "--log", "none")
	f := newFlooder(t, p.addrs[0])
	d := overloadTime(t)
	floodFor(t, p, f, addr, time.Second) // warms up
	var ratios []float64
	for round := range pagesRounds {
		without, timeWithout := floodFor(t, p, f, addr, d)
		bytes, closeAll := openPages(t, addr, pages)
		with, timeWith := floodFor(t, p, f, addr, d)
		if n := bytes.Load(); n < int64(pages)*minPage {
			t.Errorf("%d pages got %d bytes", pages, n)
		}
		closeAll()
		ratios = append(ratios, with/without)
		t.Logf("round %d: %.0f responses a second without pages, %.0f with %d: %.3f", round+1,
			without, with, pages, with/without)
		t.Logf("processor time of the server for each response: %v, %v", timeWithout, timeWith)
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	t.Logf("median %.3f", median)
	if d >= minPagesFlood && median < 1-maxPagesCost {
		t.Errorf("%d pages cost %.1f %% of the responses, want at most %.0f %%", pages,
			100*(1-median), 100*maxPagesCost)
	}
}

// floodFor floods a server for d. It returns the responses a second, and the processor time of the
// server for each response.
func floodFor(
	t *testing.T, p *process, f *flooder, addr string, d time.Duration,
) (rate float64, each time.Duration) {
	t.Helper()
	before, used, begun := responses(t, addr), processTime(t, p), time.Now()
	for time.Since(begun) < d {
		if err := f.send(); err != nil {
			t.Fatal(err)
		}
	}
	n := responses(t, addr) - before
	each = time.Duration(float64(processTime(t, p)-used) / max(n, 1))
	return n / time.Since(begun).Seconds(), each
}

func responses(t *testing.T, addr string) float64 {
	t.Helper()
	_, text := fetch(t, "http://"+addr+"/metrics")
	return sumOf(t, text, "ohce_responses_total{")
}

// openPages opens streams of figures, and reads them until the function that it returns is called.
// bytes is the number of bytes read.
func openPages(t *testing.T, addr string, n int) (bytes *atomic.Int64, closeAll func()) {
	t.Helper()
	bytes = new(atomic.Int64)
	var conns []net.Conn
	done := make(chan struct{}, n)
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if _, err := fmt.Fprintf(c, "GET /events HTTP/1.1\r\nHost: %s\r\n\r\n", addr); err != nil {
			t.Fatal(err)
		}
		go func() { // ends when closeAll closes the connection, and closeAll waits for it
			_, _ = io.Copy(countingWriter{bytes}, c)
			done <- struct{}{}
		}()
	}
	return bytes, func() {
		for _, c := range conns {
			c.Close()
		}
		for range n {
			<-done
		}
	}
}

type countingWriter struct{ n *atomic.Int64 }

func (w countingWriter) Write(b []byte) (int, error) {
	w.n.Add(int64(len(b)))
	return len(b), nil
}
