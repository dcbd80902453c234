package web

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"
)

// shuttingDown starts a server, sends it the first part of a request, and calls Shutdown with a time
// limit. It returns the connection when the server accepts no others, and the result of Shutdown.
func shuttingDown(t *testing.T, limit time.Duration) (c net.Conn, shutdown chan error) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})}
	s.once.Do(s.init)
	changed := s.http.ConnState
	s.http.ConnState = func(c net.Conn, state http.ConnState) {
		changed(c, state)
		if state == http.StateNew {
			close(accepted)
		}
	}
	shutdown, serve := make(chan error, 1), make(chan error, 1)
	go func() { serve <- s.Serve(l) }() // ends with Shutdown
	if c, err = net.Dial("tcp4", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	<-accepted
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	go func() { shutdown <- s.Shutdown(ctx) }() // ends with ctx
	if err := <-serve; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if other, err := net.Dial("tcp4", l.Addr().String()); err == nil {
		other.Close()
		t.Error("the server still accepts connections")
	}
	return c, shutdown
}

// Shutdown waits for the response to a connection whose request has not arrived yet.
func TestShutdown(t *testing.T) {
	c, shutdown := shuttingDown(t, 10*time.Second)
	if _, err := c.Write([]byte("Host: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 200 || !resp.Close {
		t.Errorf("response %v, %v, want one that closes the connection", resp, err)
	}
	if err := <-shutdown; err != nil {
		t.Error(err)
	}
}

// Shutdown closes a connection whose request does not arrive in time.
func TestShutdownEnds(t *testing.T) {
	c, shutdown := shuttingDown(t, 50*time.Millisecond)
	if err := <-shutdown; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returned %v", err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the connection is open")
	}
}

func TestIsRemote(t *testing.T) {
	for addr, required := range map[string]bool{
		"127.0.0.1:4474": false, "127.9.9.9:1": false, "[::1]:4474": false,
		"0.0.0.0:4474": true, "[::]:4474": true, "192.0.2.7:4474": true, "[fe80::1%eth0]:4474": true,
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := IsRemote(tcp); got != required {
			t.Errorf("%s: %v, want %v", addr, got, required)
		}
	}
}
