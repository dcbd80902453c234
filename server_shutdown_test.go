package ohce_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
)

// TestServeReturnsErrServerClosed checks that Serve returns ErrServerClosed, however Shutdown and
// Close interrupt its reads. OHCE_SHUTDOWNS is the number of rounds. A rare interleaving takes
// thousands.
func TestServeReturnsErrServerClosed(t *testing.T) {
	rounds := testsize.Pick(100, 20)
	if n, err := strconv.Atoi(os.Getenv("OHCE_SHUTDOWNS")); err == nil {
		rounds = n
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name string
		end  func(*ohce.Server)
	}{
		{"close", func(s *ohce.Server) { s.Close() }},
		{"shutdown-over", func(s *ohce.Server) { s.Shutdown(over) }},
		{"shutdown-and-close", func(s *ohce.Server) {
			var both sync.WaitGroup
			both.Go(func() { s.Shutdown(context.Background()) })
			both.Go(func() { s.Close() })
			both.Wait()
		}},
		{"shutdown-twice", func(s *ohce.Server) {
			var both sync.WaitGroup
			both.Go(func() { s.Shutdown(context.Background()) })
			both.Go(func() { s.Shutdown(over) })
			both.Wait()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range rounds {
				srv := &ohce.Server{BufferSize: 100}
				if err := srv.Listen("127.0.0.1:0"); err != nil {
					t.Fatal(err)
				}
				served := make(chan error, 1)
				go func() { served <- srv.Serve() }()
				roundTrip(t, dial(t, srv.Addrs()[0].String()), nil) // wait until the server reads
				tt.end(srv)
				if err := <-served; !errors.Is(err, ohce.ErrServerClosed) {
					t.Fatalf("round %d: Serve = %v, want ErrServerClosed", i, err)
				}
			}
		})
	}
}
