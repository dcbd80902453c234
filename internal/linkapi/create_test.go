package linkapi

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

const patience = 10 * time.Second

// hangingResolver makes every look-up of a host name wait until its context is cancelled. The channel
// receives a value when a look-up begins.
func hangingResolver(t *testing.T) <-chan struct{} {
	begun := make(chan struct{}, 10)
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			begun <- struct{}{}
			<-ctx.Done()
			if ctx.Err() == context.DeadlineExceeded { // the resolver's own
				<-t.Context().Done()
			}
			return nil, ctx.Err()
		},
	}
	t.Cleanup(func() { net.DefaultResolver = before })
	return begun
}

// within fails if f takes too long.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s blocks", what)
	}
}

// TestSlowName creates a link to a name whose look-up hangs. Meanwhile the other links can be used,
// and Close ends the look-up.
func TestSlowName(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	m := &Manager{}
	defer func() { go m.Close() }() // it hangs if the test fails
	if _, err := m.Create(t.Context(), Spec{Name: "quick", To: srv.Addr}); err != nil {
		t.Fatal(err)
	}
	begun := hangingResolver(t)
	created := make(chan error, 1)
	go func() {
		_, err := m.Create(t.Context(), Spec{Name: "slow", To: "slow.example.net:3000"})
		created <- err
	}()
	<-begun

	within(t, "List", func() {
		if all := m.List(); len(all) != 1 || all[0].Name != "quick" {
			t.Errorf("%d links, want the quick one", len(all))
		}
	})
	within(t, "Change", func() {
		s, err := m.Change("quick", func(up, _ *link.Impairment) error { up.MTU = 1500; return nil })
		if err != nil || s.Up.MTU != 1500 {
			t.Error(s, err)
		}
	})
	within(t, "Get", func() {
		var e *Error
		if _, err := m.Get("slow"); !errors.As(err, &e) || e.Status != 404 {
			t.Errorf("Get of a link that does not listen yet: %v", err)
		}
	})
	within(t, "Create with the same name", func() {
		var e *Error
		if _, err := m.Create(t.Context(), Spec{Name: "slow", To: srv.Addr}); !errors.As(err, &e) || e.Status != 409 {
			t.Errorf("%v, want a conflict", err)
		}
	})
	within(t, "Create with another name", func() {
		if s, err := m.Create(t.Context(), Spec{To: srv.Addr}); err != nil || s.Name != "link-1" {
			t.Error(s, err)
		}
	})
	within(t, "Close", func() { m.Close() })
	within(t, "Create after Close", func() {
		var e *Error
		if err := <-created; !errors.As(err, &e) || e.Status != 503 {
			t.Errorf("Create returned %v, want that the manager is closed", err)
		}
	})
}

// TestNameIsFreeAfterFailure reserves a name only while Create tries.
func TestNameIsFreeAfterFailure(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	m := &Manager{}
	defer m.Close()
	if _, err := m.Create(t.Context(), Spec{Name: "x", To: "nowhere"}); err == nil {
		t.Fatal("a link to nowhere is created")
	}
	if _, err := m.Create(t.Context(), Spec{Name: "x", To: srv.Addr}); err != nil {
		t.Error(err)
	}
}

// TestCreateEndsWithItsContext cancels a look-up.
func TestCreateEndsWithItsContext(t *testing.T) {
	begun := hangingResolver(t)
	m := &Manager{}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	created := make(chan error, 1)
	go func() {
		_, err := m.Create(ctx, Spec{To: "slow.example.net:3000"})
		created <- err
	}()
	<-begun
	cancel()
	var e *Error
	if err := <-created; !errors.As(err, &e) || e.Field != "to" {
		t.Errorf("Create returned %v, want an error about to", err)
	}
}
