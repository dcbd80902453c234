package main

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/examples/internal/daemon"
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
	client := &ohce.Client{Addr: startServer(t).String(), Retry: ohce.RetryAfter(20 * time.Second)}
	defer client.Close()
	addr, err := mappedAddress(t.Context(), client)
	if err != nil || addr.Addr() != netip.MustParseAddr("127.0.0.1") || addr.Port() == 0 {
		t.Errorf("got %v, %v", addr, err)
	}
}

// Each response of a real server has the key of its request, and the address of the client's
// socket, with many requests in flight.
func TestKeysOfServer(t *testing.T) {
	const count, inFlight = 2000, 64
	c, err := net.Dial("udp", startServer(t).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	pending := make(map[string]bool)
	buf := make([]byte, 1500)
	receive := func() {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("%d requests are not answered: %v", len(pending), err)
		}
		key, ok := appendResponseKey(nil, buf[:n])
		addr, err := parseResponse(buf[:n])
		if !ok || !pending[string(key)] || err != nil || addr != local {
			t.Fatalf("response %x: key %x, address %v, %v; want a pending key and %v", buf[:n], key, addr,
				err, local)
		}
		delete(pending, string(key))
	}
	begun := time.Now()
	for i := range count {
		if len(pending) == inFlight {
			receive()
		}
		request := appendRequest(nil, [idLength]byte{byte(i), byte(i >> 8), 7})
		pending[string(appendRequestKey(nil, request))] = true
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
	}
	for len(pending) > 0 {
		receive()
	}
	t.Logf("%.0f requests a second", count/time.Since(begun).Seconds())
}
