package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/daemon"
)

// startServer starts coturn as a STUN server and returns its address.
func startServer(t *testing.T) netip.AddrPort {
	t.Helper()
	path := daemon.Find(t, "turnserver")
	dir := t.TempDir()
	args := func(port uint16) []string {
		return []string{
			"-n", "--stun-only", "--no-tcp", "--no-tls", "--no-dtls", "--no-cli", "--no-rfc5780",
			"--listening-ip=127.0.0.1", "--listening-port=" + strconv.Itoa(int(port)),
			"--log-file=stdout", "--pidfile=" + filepath.Join(dir, "pid"),
			"--userdb=" + filepath.Join(dir, "db"),
		}
	}
	return daemon.Start(t, path, args, appendRequest(nil, [idLength]byte{1}))
}

func TestMappedAddress(t *testing.T) {
	client := newClient(startServer(t).String())
	client.Retry = ohce.RetryAfter(20 * time.Second)
	defer client.Close()
	addr, err := mappedAddress(t.Context(), client)
	if err != nil || addr.Addr() != netip.MustParseAddr("127.0.0.1") || addr.Port() == 0 {
		t.Errorf("got %v, %v, want 127.0.0.1 and a port", addr, err)
	}
}

// TestStreamThroughLoss loses a fifth of the datagrams in each direction, and checks that each
// request of a stream receives its own response, with the address of the client's only socket.
func TestStreamThroughLoss(t *testing.T) {
	const count = 500
	var dialer daemon.Dialer
	client := newClient(startServer(t).String())
	client.Retry = ohce.RetryAfter(slices.Repeat([]time.Duration{50 * time.Millisecond}, 200)...)
	client.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.Dial(ctx, network, address)
		return &lossyConn{Conn: c}, err
	}
	requests := func(yield func([]byte) bool) {
		for i := 0; i < count && yield(newRequest()); i++ {
		}
	}
	answered := 0
	for r, err := range client.Stream(t.Context(), requests) {
		if err = errors.Join(err, r.Err); err != nil {
			t.Fatalf("request %d: %v", r.Index, err)
		}
		key, _ := appendResponseKey(nil, r.Response.Data)
		addr, err := parseResponse(r.Response.Data)
		if err != nil || addr != r.Response.LocalAddr || !bytes.Equal(key, r.Request[idOffset:]) {
			t.Fatalf("request %x: response with ID %x, address %v, %v, want address %v", r.Request, key,
				addr, err, r.Response.LocalAddr)
		}
		answered++
	}
	if n := dialer.Opened.Load(); answered != count || n != 1 {
		t.Errorf("%d of %d requests were answered on %d sockets, want all on 1", answered, count, n)
	}
	t.Logf("%.2f attempts per request", float64(client.Stats().Attempts)/count)
}

// A lossyConn loses a fifth of the datagrams in each direction. A relay cannot replace it here,
// because the server would see the relay's address instead of the client's.
type lossyConn struct{ net.Conn }

func (c *lossyConn) Write(b []byte) (int, error) {
	if rand.IntN(5) == 0 {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *lossyConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || rand.IntN(5) > 0 {
			return n, err
		}
	}
}
