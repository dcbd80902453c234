//go:build priv && linux && !ohce_portable

package ohce_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/netns"
)

// A forger sends datagrams with source addresses that no host has.
type forger struct {
	fd     int
	packet []byte
	to     unix.SockaddrInet4
}

// The headers of IPv4 and UDP (RFC 791, RFC 768).
const ipHeader, udpHeader = 20, 8

func newForger(t *testing.T, h netns.Host, to netip.AddrPort, size int) *forger {
	t.Helper()
	f := &forger{fd: -1, packet: make([]byte, ipHeader+udpHeader+size)}
	h.Do(t, func() (err error) {
		f.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return os.NewSyscallError("socket", err)
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { unix.Close(f.fd) })
	f.to.Addr = to.Addr().As4()
	p := f.packet
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP // the kernel fills in length, number and checksum
	copy(p[16:], f.to.Addr[:])
	binary.BigEndian.PutUint16(p[ipHeader:], 40_000)
	binary.BigEndian.PutUint16(p[ipHeader+2:], to.Port())
	binary.BigEndian.PutUint16(p[ipHeader+4:], uint16(udpHeader+size)) // no checksum
	return f
}

func (f *forger) send(from netip.Addr) error {
	addr := from.As4()
	copy(f.packet[12:], addr[:])
	return unix.Sendto(f.fd, f.packet, 0, &f.to)
}

// sendText sends a datagram with a text, which must fit into the packet.
func (f *forger) sendText(from netip.Addr, text []byte) error {
	addr := from.As4()
	copy(f.packet[12:], addr[:])
	binary.BigEndian.PutUint16(f.packet[ipHeader+4:], uint16(udpHeader+len(text)))
	n := copy(f.packet[ipHeader+udpHeader:], text)
	return unix.Sendto(f.fd, f.packet[:ipHeader+udpHeader+n], 0, &f.to)
}

// flood sends n datagrams a second until stop is closed, in turn from each of 250 addresses in the
// server's subnet.
func (f *forger) flood(n int, stop <-chan struct{}) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begun, sent := time.Now(), 0
	for {
		select {
		case <-tick.C:
		case <-stop:
			return nil
		}
		for ; sent < int(time.Since(begun).Seconds()*float64(n)); sent++ {
			if err := f.send(netip.AddrFrom4([4]byte{192, 0, 2, byte(4 + sent%250)})); err != nil {
				return err
			}
		}
	}
}

// TestPrivForgedNeighbours floods a server with requests from neighbours that do not exist. The
// responses wait in the kernel for ARP and fill the send buffer. The test checks that the server
// continues to read and counts the responses that it cannot send. If its writes waited without a
// limit, it would stop reading, and the kernel would drop requests.
//
// The responses to honest clients compete for the send buffer, so only some of the clients are
// answered. All are if the kernel keeps few bytes for each neighbour.
//
// The portable path has no such limit. It is not used on Linux, and other systems do not keep
// datagrams that wait for a neighbour in the send buffer.
func TestPrivForgedNeighbours(t *testing.T) {
	for _, tt := range []struct {
		name  string
		queue int // bytes queued for each neighbour; 0 means the kernel's default
		rate  int // forged datagrams a second
		least int // minimum of answered clients, out of honestClients
	}{
		{"default", 0, 6_000, 1},
		{"short queues", 4096, 10_000, honestClients},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := netns.Two(t)
			if tt.queue > 0 {
				server.Exec(t, "sh", "-c", fmt.Sprintf(
					"echo %d >/proc/sys/net/ipv4/neigh/ohce0/unres_qlen_bytes", tt.queue))
			}
			srv := new(ohce.Server)
			port := listenIn(t, server, srv, "192.0.2.1:0")
			serve(t, srv)
			to := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)
			f := newForger(t, client, to, 1400)
			stop, flooded := make(chan struct{}), make(chan error, 1)
			go func() { flooded <- f.flood(tt.rate, stop) }() // ends when stop is closed below
			answered, attempts := exchangeFromClients(t, client, to)
			close(stop)
			if err := <-flooded; err != nil {
				t.Fatal(err)
			}
			st := srv.Stats()
			t.Logf("%d of %d answered with %d attempts; %d received, unsent %v, %d dropped by the kernel", answered,
				honestClients, attempts, st.Received, st.WriteErrors, st.KernelDropped)
			if answered < tt.least {
				t.Errorf("%d of %d clients answered, want at least %d", answered, honestClients, tt.least)
			}
			if st.KernelDropped > 0 {
				t.Error("the server stopped reading")
			}
			if tt.queue == 0 && st.Dropped[ohce.DropUnsent] == 0 {
				t.Error("no response is counted as unsent: the send buffer was not full")
			}
		})
	}
}

const honestClients = 100

// exchangeFromClients sends one request from each of honestClients sockets, which start at equal
// intervals within four seconds. Each retransmits after 100, 200, 300 and 400 ms, and waits 500 ms
// for the last attempt.
func exchangeFromClients(t *testing.T, h netns.Host, to netip.AddrPort) (answered, attempts int) {
	var mu sync.Mutex
	var clients sync.WaitGroup
	for i := range honestClients {
		c := socketIn(t, h, "192.0.2.2")
		clients.Go(func() { // ends after the schedule; the function waits below
			time.Sleep(time.Duration(i) * 4 * time.Second / honestClients)
			n, ok := exchangeWithRetries(c, to)
			mu.Lock()
			defer mu.Unlock()
			if attempts += n; ok {
				answered++
			}
		})
	}
	clients.Wait()
	return answered, attempts
}

func exchangeWithRetries(c *net.UDPConn, to netip.AddrPort) (attempts int, answered bool) {
	for attempts < 5 {
		attempts++
		c.SetDeadline(time.Now().Add(time.Duration(attempts) * 100 * time.Millisecond))
		c.WriteToUDPAddrPort([]byte("Hello"), to)
		if n, err := c.Read(make([]byte, 100)); err == nil && n == 5 {
			return attempts, true
		}
	}
	return attempts, false
}
