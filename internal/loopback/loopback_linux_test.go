package loopback_test

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/loopback"
)

// TestClosedPort checks that no other socket can use the port, and that the kernel refuses a datagram
// to it.
func TestClosedPort(t *testing.T) {
	closed, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	addr := closed.LocalAddr().(*net.UDPAddr)
	if pc, err := net.ListenUDP("udp4", addr); err == nil {
		pc.Close()
		t.Errorf("another socket can use %v", addr)
	}
	c, err := net.DialUDP("udp4", nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write([]byte("Hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 16)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Read returns %v, want ECONNREFUSED", err)
	}
}

// TestFreeAddr checks that a server can listen on the address, and that the system gives its port to no
// client.
func TestFreeAddr(t *testing.T) {
	addr, err := loopback.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	srv, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	client, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if port := client.LocalAddr().(*net.UDPAddr).Port; port <= int(addr.Port()) {
		t.Errorf("the system gives port %d to a client, and FreeAddr returns %d", port, addr.Port())
	}
}
