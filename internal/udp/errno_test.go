package udp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/loopback"
)

// TestErrorsFromSockets checks the classification of errors that real sockets return.
func TestErrorsFromSockets(t *testing.T) {
	tests := []struct {
		name      string
		make      func(t *testing.T) error
		transient bool
		refused   bool
		tooLong   bool
		taken     bool
		errno     string // on Unix
	}{
		{"refused", refusedError, true, true, false, false, "ECONNREFUSED"},
		{"too long", tooLongError, true, false, true, false, "EMSGSIZE"},
		{"too long from net", tooLongFromNet, true, false, true, false, "EMSGSIZE"},
		{"taken", takenError, false, false, false, true, "EADDRINUSE"},
		{"deadline", deadlineError, true, false, false, false, "other"},
		{"closed", closedError, false, false, false, false, "closed"},
		{"bad address", badAddressError, false, false, false, false, "other"},
		{"not local", notLocalError, false, false, false, false, "EADDRNOTAVAIL"},
		{"end of file", func(*testing.T) error { return io.EOF }, false, false, false, false, "other"},
		{"none", func(*testing.T) error { return nil }, false, false, false, false, "other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.make(t)
			wrapped := fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", err))
			for _, err := range []error{err, wrapped} {
				check(t, "Transient", Transient(err), tt.transient, err)
				check(t, "Refused", Refused(err), tt.refused, err)
				check(t, "TooLong", TooLong(err), tt.tooLong, err)
				check(t, "Taken", Taken(err), tt.taken, err)
				if got := Name(err); runtime.GOOS != "windows" && got != tt.errno {
					t.Errorf("Name(%v) = %q, want %q", err, got, tt.errno)
				}
			}
		})
	}
}

func check(t *testing.T, function string, got, want bool, err error) {
	t.Helper()
	if got != want {
		t.Errorf("%s(%v) = %v, want %v", function, err, got, want)
	}
}

// closedAddr returns an address whose port is closed until the end of the test.
func closedAddr(t *testing.T) netip.AddrPort {
	t.Helper()
	closed, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed.Close() })
	return localAddr(closed)
}

func refusedError(t *testing.T) error {
	cl := client(t, closedAddr(t))
	send(t, cl, "unreachable")
	_, err := cl.Read(make([]byte, 16))
	return mustFail(t, err)
}

func tooLongError(t *testing.T) error {
	c := open4(t)
	_, err := c.Write([]Message{{Buf: make([]byte, 65_508), Peer: c.LocalAddr()}})
	return mustFail(t, err)
}

func tooLongFromNet(t *testing.T) error {
	_, err := client(t, closedAddr(t)).Write(make([]byte, 65_508))
	return mustFail(t, err)
}

func takenError(t *testing.T) error {
	pc, err := net.ListenPacket("udp4", open4(t).LocalAddr().String())
	if err == nil {
		pc.Close()
	}
	return mustFail(t, err)
}

func deadlineError(t *testing.T) error {
	cl := client(t, closedAddr(t))
	cl.SetReadDeadline(time.Unix(1, 0))
	_, err := cl.Read(make([]byte, 16))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Read after the deadline = %v, want os.ErrDeadlineExceeded", err)
	}
	return err
}

func closedError(t *testing.T) error {
	c := open4(t)
	c.Close()
	_, err := c.Read(makeMessages(1, 16))
	return mustFail(t, err)
}

func badAddressError(t *testing.T) error {
	_, err := net.Dial("udp", "127.0.0.1:seventy")
	return mustFail(t, err)
}

func notLocalError(t *testing.T) error {
	_, err := net.ListenPacket("udp4", "192.0.2.77:0")
	return mustFail(t, err)
}

func mustFail(t *testing.T, err error) error {
	t.Helper()
	if err == nil {
		t.Fatal("got no error, want one")
	}
	return err
}

// TestReadAfterError checks that a socket works after it has reported an unreachable port.
func TestReadAfterError(t *testing.T) {
	closed, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	to := localAddr(closed)
	pc := client(t, to)
	c := newConn(t, pc)
	send(t, pc, "unreachable")
	if _, err := c.Read(makeMessages(4, 16)); !Refused(err) || !Transient(err) {
		t.Fatalf("Read after sending to a closed port = %v, want a refused error", err)
	}
	closed.Close()
	peer, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(to), net.UDPAddrFromAddrPort(localAddr(pc)))
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	send(t, peer, "reachable")
	if got := readN(t, c, 1); got[0] != "reachable" {
		t.Errorf("Read after the error returned %q, want reachable", got)
	}
}
