package ohcetest_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

const testTimeout = 10 * time.Second

func exchange(t *testing.T, c *ohce.Client, request string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	resp, err := c.Exchange(ctx, []byte(request))
	if err != nil {
		t.Fatalf("Exchange(%q): %v", request, err)
	}
	return string(resp.Data)
}

func TestServerEchoes(t *testing.T) {
	s := ohcetest.NewServer(nil)
	defer s.Close()
	addr, err := netip.ParseAddrPort(s.Addr)
	if err != nil || addr.Addr().String() != "127.0.0.1" || addr.Port() == 0 {
		t.Errorf("Addr = %q, want 127.0.0.1 and a port", s.Addr)
	}
	c := s.Client()
	defer c.Close()
	for _, request := range []string{"Hello", "", strings.Repeat("x", 9000)} {
		if got := exchange(t, c, request); got != request {
			t.Errorf("response to %.9q has %d bytes, want %d", request, len(got), len(request))
		}
	}
	if got := s.Config.Stats(); got.Received < 3 {
		t.Errorf("Config.Stats().Received = %d, want at least 3", got.Received)
	}
}

func TestStartServerUsesConfig(t *testing.T) {
	s := ohcetest.StartServer(&ohce.Server{
		Addr:    "192.0.2.77:1", // ignored
		Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) { w.Write([]byte("mine")) }),
	})
	defer s.Close()
	c := s.Client()
	defer c.Close()
	if got := exchange(t, c, "whose?"); got != "mine" {
		t.Errorf("response %q, want the handler's response", got)
	}
}

func TestServersAreIndependent(t *testing.T) {
	a, b := ohcetest.NewServer(nil), ohcetest.NewServer(nil)
	defer a.Close()
	defer b.Close()
	if a.Addr == b.Addr {
		t.Errorf("both servers have the address %v", a.Addr)
	}
	if first, second := a.Client(), a.Client(); first == second {
		t.Error("two calls of Client returned the same client")
	}
}

func TestServerClose(t *testing.T) {
	s := ohcetest.NewServer(nil)
	c := s.Client()
	defer c.Close()
	exchange(t, c, "Hello")
	s.Close()
	c.FailFast = true
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	if resp, err := c.Exchange(ctx, []byte("again")); err == nil {
		t.Errorf("closed server responded %q", resp.Data)
	}
	if err := s.Config.ListenAndServe(); !errors.Is(err, ohce.ErrServerClosed) {
		t.Errorf("ListenAndServe after Close = %v, want ErrServerClosed", err)
	}
}

func TestServerCloseImmediately(t *testing.T) {
	for range 20 {
		ohcetest.NewServer(nil).Close() // Serve may not have started yet
	}
}

// TestServerCloseWaitsForHandlers calls Close while a handler runs, and checks that the handler's
// response arrives.
func TestServerCloseWaitsForHandlers(t *testing.T) {
	received, proceed := make(chan struct{}), make(chan struct{})
	s := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		close(received)
		<-proceed
		w.Write([]byte("finished"))
	}))
	c := s.Client()
	c.Retry = ohce.RetryAfter(testTimeout)
	defer c.Close()
	response, closed := make(chan string, 1), make(chan struct{})
	go func() {
		resp, err := c.Exchange(t.Context(), []byte("Hello"))
		if err != nil {
			response <- err.Error()
			return
		}
		response <- string(resp.Data)
	}()
	<-received
	go func() {
		s.Close()
		close(closed)
	}()
	close(proceed)
	if got := <-response; got != "finished" {
		t.Errorf("response %q, want finished", got)
	}
	<-closed
}
