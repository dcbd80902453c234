//go:build !ohce_portable

package udp

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// successor returns a Socket for a duplicate of the descriptor of c, as in a process that inherits
// the descriptor.
func successor(t *testing.T, c Socket) Socket {
	t.Helper()
	var fd int
	if err := c.(*udpConn).control(func(sock int) (err error) {
		fd, err = duplicate(sock)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "inherited")
	defer f.Close()
	pc, err := net.FilePacketConn(f)
	if err != nil {
		t.Fatal(err)
	}
	return newConn(t, pc)
}

// TestReleaseKeepsQueue checks that a successor reads all datagrams that are queued at Release or
// arrive later, whatever the state of the released socket.
func TestReleaseKeepsQueue(t *testing.T) {
	for _, tt := range []struct {
		name  string
		heavy bool
		drain bool
		close bool
	}{
		{"light", false, false, false},
		{"heavy", true, false, false},
		{"closed", false, false, true},
		{"heavy and closed", true, false, true},
		{"drained before", false, true, false},
		{"drained before and closed", true, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := open4(t).(*udpConn)
			floodUntil(t, c, tt.heavy)
			cl := client(t, c.local)
			next := successor(t, c)
			sendNumbers(t, cl, 0, 10)
			if tt.drain {
				if err := c.Drain(); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Release(); err != nil {
				t.Fatal(err)
			}
			if err := c.Drain(); err != nil { // has no effect after Release
				t.Fatal(err)
			}
			if tt.close {
				c.Close()
			}
			sendNumbers(t, cl, 10, 20)
			if got := readN(t, next, 20); !slices.Equal(got, numbers(0, 20)) {
				t.Errorf("successor read %q, want all 20", got)
			}
			noFilter(t, next)
		})
	}
}

// noFilter checks that no filter is attached to a socket.
func noFilter(t *testing.T, c Socket) {
	t.Helper()
	if err := c.(*udpConn).control(func(sock int) error {
		return unix.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	}); err != unix.ENOENT {
		t.Errorf("detaching a filter = %v, want ENOENT, because none is attached", err)
	}
}

// TestReleaseWhileReading releases a socket during a flood, and checks that each datagram is read
// exactly once, before or after.
func TestReleaseWhileReading(t *testing.T) {
	const n = 5000
	c := open4(t)
	next := successor(t, c)
	cl := client(t, c.LocalAddr())
	go func() { // ends after n datagrams; writes fail when cl is closed
		for i := range n {
			cl.Write([]byte{byte(i >> 8), byte(i)})
		}
	}()
	seen := make([]int, n)
	read := func(c Socket, limit int) (total int) {
		ms := makeMessages(MaxWidth, 1<<16)
		for total < limit {
			k, err := c.Read(ms)
			if err != nil {
				return total
			}
			for i := range ms[:k] {
				for d := range ms[i].Datagrams() {
					seen[int(d[0])<<8|int(d[1])]++
					total++
				}
			}
		}
		return total
	}
	first := read(c, n/4)
	if err := c.Release(); err != nil {
		t.Fatal(err)
	}
	first += read(c, n)
	if second := read(next, n-first); first+second != n {
		t.Errorf("read %d and %d datagrams, want %d in total", first, second, n)
	}
	for i, k := range seen {
		if k != 1 {
			t.Fatalf("datagram %d was read %d times", i, k)
		}
	}
}

// TestCloseAfterDrain checks that a socket of which another process has a duplicate receives
// datagrams after it was drained and closed. systemd keeps such sockets for the next start.
func TestCloseAfterDrain(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		c := open4(t).(*udpConn)
		f, err := c.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		pc, err := net.FilePacketConn(f)
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		closing := Socket(c)
		if adopted {
			closing = successor(t, c)
		}
		cl := client(t, c.local)
		send(t, cl, "queued")
		if err := closing.Drain(); err != nil {
			t.Fatal(err)
		}
		send(t, cl, "dropped")
		if got, err := readUntilError(closing); !slices.Equal(got, []string{"queued"}) {
			t.Fatalf("read %q, %v after Drain, want the queued datagram", got, err)
		}
		closing.Close()
		send(t, cl, "later")
		buf := make([]byte, 100)
		pc.SetReadDeadline(time.Now().Add(testTimeout))
		if n, _, err := pc.ReadFrom(buf); err != nil || string(buf[:n]) != "later" {
			t.Errorf("adopted %v: the duplicate read %q, %v after Close", adopted, buf[:n], err)
		}
	}
}

// TestNewEqualsListen checks that a socket returned by New has the buffer sizes of one returned by
// Listen, and works under light and heavy load.
func TestNewEqualsListen(t *testing.T) {
	for _, first := range []bool{false, true} {
		pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip4.AsSlice()})
		if err != nil {
			t.Fatal(err)
		}
		listened, adopted := open4(t), newConn(t, pc)
		want, got := buffers(t, listened), buffers(t, adopted)
		if got != want {
			t.Errorf("buffers have %v bytes, want %v", got, want)
		}
		if got, want := adopted.BufferWarning(), listened.BufferWarning(); got != want {
			t.Errorf("warning %q, want %q", got, want)
		}
		floodUntil(t, adopted.(*udpConn), first)
		floodUntil(t, adopted.(*udpConn), !first)
	}
}

// buffers returns the sizes of the receive and send buffers.
func buffers(t *testing.T, c Socket) (sizes [2]int) {
	t.Helper()
	if err := c.(*udpConn).control(func(sock int) error {
		for i, option := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
			size, err := unix.GetsockoptInt(sock, unix.SOL_SOCKET, option)
			if err != nil {
				return err
			}
			sizes[i] = size
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return sizes
}

// TestNewKeepsLargerBuffers checks that New does not shrink buffers.
func TestNewKeepsLargerBuffers(t *testing.T) {
	pc, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip4, 0)))
	if err != nil {
		t.Fatal(err)
	}
	rc, err := pc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := onDescriptor(rc, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4*socketBuffer)
	}); err != nil {
		pc.Close()
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("needs CAP_NET_ADMIN:", err)
	}
	if got := buffers(t, newConn(t, pc)); got[0] != 8*socketBuffer {
		t.Errorf("receive buffer has %d bytes, want %d", got[0], 8*socketBuffer)
	}
}
