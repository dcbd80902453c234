package linkapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/internal/web"
)

// startServer serves the API on a listener and returns its address.
func startServer(t *testing.T, s *Server, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skip(err) // no IPv6
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		s.Manager.Close()
	})
	return l.Addr().String()
}

// A header of more than 12 KiB is refused.
func TestLongHeader(t *testing.T) {
	addr := startServer(t, &Server{Manager: &Manager{}}, "127.0.0.1:0")
	for _, tt := range []struct{ size, status int }{{6 << 10, 200}, {16 << 10, 431}} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/links", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", strings.Repeat("x", tt.size))
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%d bytes: status %d, want %d", tt.size, resp.StatusCode, tt.status)
		}
	}
}

// A burst of more clients than connections waits: every one of them gets its response.
func TestBurstOfClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		s := &Server{Manager: &Manager{}}
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(l) }()
		failed := make(chan error)
		const clients = 10 * web.DefaultMaxConnections
		for range clients {
			go func() { failed <- list(l) }()
		}
		for range clients {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		s.Close()
		<-ended
	})
}

// list requests all links on a connection of its own.
func list(l *pipeListener) error {
	conn, _ := l.connect()
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /links HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "[]\n" {
		return fmt.Errorf("the response is %q, %w", text, err)
	}
	return nil
}

// The server closes the connections of clients that pause.
func TestTimeouts(t *testing.T) {
	const get = "GET /links HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, tt := range []struct {
		name, sent string
		reads      bool
		after      time.Duration
	}{
		{"nothing sent", "", true, web.ReadHeaderTimeout},
		{"part of the header", get[:20], true, web.ReadHeaderTimeout},
		{"part of the body", "POST /links HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", true, web.ReadTimeout},
		{"no reads", get, false, web.WriteTimeout},
		{"no further request", get, true, web.IdleTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				s := &Server{Manager: &Manager{}}
				ended := make(chan error, 1)
				go func() { ended <- s.Serve(l) }()
				client, closed := l.connect()
				begun := time.Now()
				if _, err := client.Write([]byte(tt.sent)); err != nil {
					t.Fatal(err)
				}
				if tt.reads {
					go discard(client)
				}
				<-closed
				if after := time.Since(begun); after != tt.after {
					t.Errorf("closed after %v, want %v", after, tt.after)
				}
				client.Close()
				s.Close()
				<-ended
			})
		})
	}
}

// discard reads from c until it is closed.
func discard(c net.Conn) {
	buf := make([]byte, 1000)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// A pipeListener accepts in-memory connections.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

// connect returns the client's end of a connection, and a channel that receives when the server closes
// its end.
func (l *pipeListener) connect() (net.Conn, <-chan struct{}) {
	client, server := net.Pipe()
	c := &pipeConn{Conn: server, closed: make(chan struct{}, 1)}
	l.conns <- c
	return client, c.closed
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// A pipeConn sends to closed when it is closed for the first time.
type pipeConn struct {
	net.Conn
	closed chan struct{}
}

func (c *pipeConn) Close() error {
	select {
	case c.closed <- struct{}{}:
	default:
	}
	return c.Conn.Close()
}
