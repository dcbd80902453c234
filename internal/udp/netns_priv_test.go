//go:build priv && linux

package udp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/netns"
)

// TestPrivRespondsFromRequestedAddress serves a wildcard address in one network namespace, and
// sends requests from another to IPv4, IPv6 and link-local addresses. It needs root and ip(8): see
// make priv.
func TestPrivRespondsFromRequestedAddress(t *testing.T) {
	server, client := netns.Two(t)
	bound, ended := make(chan netip.AddrPort), make(chan struct{})
	t.Cleanup(func() { <-ended }) // registered first, so it runs after the sockets are closed
	go func() {
		defer close(ended)
		server.Do(t, func() error { return serveWildcard(t, bound) })
	}()
	serving, ok := <-bound
	if !ok {
		t.FailNow()
	}
	requests := []struct{ name, to, local string }{
		{"IPv4", "192.0.2.1", "192.0.2.1"},
		{"second IPv4", "192.0.2.3", "192.0.2.3"},
		{"IPv6", "2001:db8::1", "2001:db8::1"},
		{"link-local", "fe80::1%ohce1", "fe80::1 ohce0"},
		{"link-local, zone by number", "fe80::1%NUMBER", "fe80::1 ohce0"},
	}
	for _, tt := range requests {
		t.Run(tt.name, func(t *testing.T) {
			client.Do(t, func() error {
				ifc, err := net.InterfaceByName("ohce1")
				if err != nil {
					return err
				}
				to := netip.MustParseAddr(strings.Replace(tt.to, "NUMBER", fmt.Sprint(ifc.Index), 1))
				return request(netip.AddrPortFrom(to, serving.Port()), tt.local)
			})
		})
	}
}

// serveWildcard responds to each request with the address that the request was sent to, until the
// test ends. It sends the bound address on bound, or closes bound if it cannot listen.
func serveWildcard(t *testing.T, bound chan<- netip.AddrPort) error {
	defer close(bound)
	conns, at, err := Listen(context.Background(), "[::]:0", 1)
	if err != nil {
		return err
	}
	for _, c := range conns[1:] { // the portable path has several sockets
		closeInTime(t, c)
		go serveOne(c) // if it fails, the client receives no response
	}
	closeInTime(t, conns[0])
	bound <- at
	return serveOne(conns[0])
}

// serveOne responds to the requests at c until c is closed.
func serveOne(c Socket) error {
	ms := makeMessages(4, 64)
	for {
		n, err := c.Read(ms)
		if err != nil {
			return nil
		}
		for i := range ms[:n] {
			ms[i].Buf = fmt.Append(ms[i].Buf[:0], describeLocal(ms[i]))
		}
		if _, err := c.Write(ms[:n]); err != nil {
			return fmt.Errorf("responding to %v from %v: %w", ms[0].Peer, ms[0].Local, err)
		}
	}
}

// describeLocal returns the local address of a message and, if set, the name of the interface.
func describeLocal(m Message) string {
	if m.IfIndex == 0 {
		return strings.Replace(m.Local.String(), "%", " ", 1)
	}
	ifc, err := net.InterfaceByIndex(int(m.IfIndex))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(m.Local, " ", ifc.Name)
}

// request sends a request from an unconnected socket, and checks the response and its source.
func request(to netip.AddrPort, want string) error {
	pc, err := net.ListenPacket("udp", ":0")
	if err != nil {
		return err
	}
	defer pc.Close()
	c := pc.(*net.UDPConn)
	c.SetDeadline(time.Now().Add(testTimeout))
	if _, err := c.WriteToUDPAddrPort([]byte("request"), to); err != nil {
		return err
	}
	buf := make([]byte, 64)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		return fmt.Errorf("no response from %v: %w", to, err)
	}
	if got := string(buf[:n]); got != want {
		return fmt.Errorf("request to %v: the local address is %q, want %q", to, got, want)
	}
	if from.Addr().Unmap().WithZone("") != to.Addr().WithZone("") || from.Port() != to.Port() {
		return fmt.Errorf("request to %v: the response is from %v", to, from)
	}
	return nil
}
