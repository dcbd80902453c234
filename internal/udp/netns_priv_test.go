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

// Needs root, ip(8) and tc(8): make priv.

// TestPrivRespondsFromRequestedAddress serves a wildcard in one network namespace and asks it from
// another, at an IPv4, an IPv6 and a link-local address, each over a real (virtual) wire.
func TestPrivRespondsFromRequestedAddress(t *testing.T) {
	server, client := netns.Two(t)
	bound, ended := make(chan netip.AddrPort), make(chan struct{})
	t.Cleanup(func() { <-ended }) // after the sockets are closed, whose cleanup comes later
	go func() {
		defer close(ended)
		server.Do(t, func() error { return serveWildcard(t, bound) })
	}()
	serving, ok := <-bound
	if !ok {
		t.FailNow()
	}
	asks := []struct{ name, to, local string }{
		{"IPv4", "192.0.2.1", "192.0.2.1"},
		{"the other IPv4", "192.0.2.3", "192.0.2.3"},
		{"IPv6", "2001:db8::1", "2001:db8::1"},
		{"link-local", "fe80::1%ohce1", "fe80::1 ohce0"},
		{"link-local, zone by number", "fe80::1%NUMBER", "fe80::1 ohce0"},
	}
	for _, tt := range asks {
		t.Run(tt.name, func(t *testing.T) {
			client.Do(t, func() error {
				ifc, err := net.InterfaceByName("ohce1")
				if err != nil {
					return err
				}
				to := netip.MustParseAddr(strings.Replace(tt.to, "NUMBER", fmt.Sprint(ifc.Index), 1))
				return ask(netip.AddrPortFrom(to, serving.Port()), tt.local)
			})
		})
	}
}

// serveWildcard tells each client, until Close, which address it asked and whether through an
// interface. It sends where it serves, and closes bound if it cannot.
func serveWildcard(t *testing.T, bound chan<- netip.AddrPort) error {
	defer close(bound) // where nothing was sent, that is the word
	conns, at, err := Listen(context.Background(), "[::]:0", 1)
	if err != nil {
		return err
	}
	for _, c := range conns[1:] { // the portable path has more than one
		closeInTime(t, c)
		go serveOne(c) // an error shows as an answer that does not come
	}
	closeInTime(t, conns[0])
	bound <- at
	return serveOne(conns[0])
}

// serveOne ends when the test does, which closes c.
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
			return fmt.Errorf("answering %v from %v: %w", ms[0].Peer, ms[0].Local, err)
		}
	}
}

// describeLocal is the local address of a message with the interface's name where there is one.
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

// ask sends from a socket that takes answers from anywhere, and looks where this one comes from.
func ask(to netip.AddrPort, want string) error {
	pc, err := net.ListenPacket("udp", ":0")
	if err != nil {
		return err
	}
	defer pc.Close()
	c := pc.(*net.UDPConn)
	c.SetDeadline(time.Now().Add(testTimeout))
	if _, err := c.WriteToUDPAddrPort([]byte("who?"), to); err != nil {
		return err
	}
	buf := make([]byte, 64)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		return fmt.Errorf("no answer from %v: %w", to, err)
	}
	if got := string(buf[:n]); got != want {
		return fmt.Errorf("asked at %v, the server was describeLocal %q, want %q", to, got, want)
	}
	if from.Addr().Unmap().WithZone("") != to.Addr().WithZone("") || from.Port() != to.Port() {
		return fmt.Errorf("asked %v, the answer came from %v", to, from)
	}
	return nil
}
