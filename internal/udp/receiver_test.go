package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// echoSockets returns n sockets that are connected to a server, which returns each datagram, and the
// address of the server.
func echoSockets(t *testing.T, n int) (sockets []Socket, addr netip.AddrPort) {
	t.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	echoing := make(chan struct{})
	go func() { // ends when the server is closed; the cleanup waits
		defer close(echoing)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := server.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			server.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	t.Cleanup(func() { server.Close(); <-echoing })
	for range n {
		sockets = append(sockets, connect(t, server.LocalAddr().String()))
	}
	return sockets, server.LocalAddr().(*net.UDPAddr).AddrPort()
}

// connect returns a socket that is connected to an address.
func connect(t *testing.T, addr string) Socket {
	t.Helper()
	conn, err := Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Connect(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newTestReceiver(t *testing.T, sockets []Socket) Receiver {
	t.Helper()
	r, err := NewReceiver(sockets)
	if errors.Is(err, errors.ErrUnsupported) && len(sockets) > 1 && !batches {
		t.Skip("this system cannot wait for several sockets")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestReceiver(t *testing.T) {
	for _, n := range []int{1, 3, 200} {
		t.Run(fmt.Sprint(n, " sockets"), func(t *testing.T) {
			sockets, server := echoSockets(t, n)
			r := newTestReceiver(t, sockets)
			ms := makeMessages(4, 1<<16)
			for i := range sockets {
				if _, err := sockets[i].Write([]Message{{Buf: fmt.Append(nil, "socket ", i)}}); err != nil {
					t.Fatal(err)
				}
				socket, count, err := r.Receive(ms, time.Now().Add(10*time.Second))
				if socket != i || count != 1 || err != nil {
					t.Fatalf("Receive = %d, %d, %v, want a datagram on socket %d", socket, count, err, i)
				}
				if got, want := string(ms[0].Buf), fmt.Sprint("socket ", i); got != want {
					t.Errorf("received %q, want %q", got, want)
				}
				if got := ms[0].Peer; batches && got != server {
					t.Errorf("Peer = %v, want the server's %v", got, server)
				}
			}
		})
	}
}

// If no datagram arrives, Receive returns at its deadline, not before, and not at all late if it has
// passed.
func TestReceiverDeadline(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n, " sockets"), func(t *testing.T) {
			sockets, _ := echoSockets(t, n)
			r := newTestReceiver(t, sockets)
			ms := makeMessages(1, 1<<16)
			for _, wait := range []time.Duration{-time.Hour, 0, 30 * time.Microsecond, 5 * time.Millisecond} {
				begun := time.Now()
				_, count, err := r.Receive(ms, begun.Add(wait))
				if took := time.Since(begun); count != 0 || err != nil || took < wait || took > max(wait, 0)+10*time.Second {
					t.Errorf("Receive with a deadline after %v = %d, %v after %v", wait, count, err, took)
				}
			}
		})
	}
}

// An error of one socket is reported with its index, and the others continue.
func TestReceiverRefused(t *testing.T) {
	sockets, _ := echoSockets(t, 1)
	sockets = append(sockets, connect(t, closedAddr(t).String()))
	r := newTestReceiver(t, sockets)
	ms := makeMessages(1, 1<<16)
	sockets[1].Write([]Message{{Buf: []byte("x")}})
	if socket, _, err := r.Receive(ms, time.Now().Add(10*time.Second)); socket != 1 || !Refused(err) {
		t.Errorf("Receive = %d, %v, want a refusal on socket 1", socket, err)
	}
	sockets[0].Write([]Message{{Buf: []byte("x")}})
	if socket, n, err := r.Receive(ms, time.Now().Add(10*time.Second)); socket != 0 || n != 1 || err != nil {
		t.Errorf("Receive = %d, %d, %v, want a datagram on socket 0", socket, n, err)
	}
}

func TestReportArrival(t *testing.T) {
	sockets, _ := echoSockets(t, 1)
	err := ReportArrival(sockets[0])
	if errors.Is(err, errors.ErrUnsupported) && !batches {
		t.Skip("this system does not report the time of arrival")
	}
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().UnixNano()
	r := newTestReceiver(t, sockets)
	sockets[0].Write([]Message{{Buf: []byte("x")}})
	ms := makeMessages(1, 1<<16)
	if _, n, err := r.Receive(ms, time.Now().Add(10*time.Second)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if at, now := ms[0].Arrived, time.Now().UnixNano(); at < before || at > now {
		t.Errorf("arrived at %d, which is not between %d and %d", at, before, now)
	}
}
