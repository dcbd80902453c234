package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var (
	packetLocal = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 3000} // IPv4 in 16 bytes
	packetPeer  = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 4000}
)

func TestNewPacketConn(t *testing.T) {
	tests := []struct {
		name string
		addr net.Addr
		want string // "" is an error
	}{
		{"UDP", packetLocal, "192.0.2.1:3000"},
		{"IPv6", &net.UDPAddr{IP: net.IPv6loopback, Port: 1}, "[::1]:1"},
		{"zone", &net.UDPAddr{IP: net.ParseIP("fe80::1"), Port: 1, Zone: "eth0"}, "[fe80::1%eth0]:1"},
		{"text", textAddr("192.0.2.3:5"), "192.0.2.3:5"},
		{"text, mapped", textAddr("[::ffff:192.0.2.3]:5"), "192.0.2.3:5"},
		{"IP only", &net.IPAddr{IP: net.IPv4(192, 0, 2, 1)}, ""},
		{"path", &net.UnixAddr{Name: "/run/socket", Net: "unixgram"}, ""},
		{"name", textAddr("host:5"), ""},
		{"empty", textAddr(""), ""},
		{"nil", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := New(newFake(tt.addr))
			if tt.want == "" {
				if err == nil {
					t.Errorf("New with local address %v succeeded, want an error", tt.addr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.LocalAddr().String(); got != tt.want || c.Width() != 1 {
				t.Errorf("LocalAddr = %v, Width = %d, want %v and 1", got, c.Width(), tt.want)
			}
		})
	}
}

func TestPacketRead(t *testing.T) {
	errTest := errors.New("test error")
	c, err := New(newFake(packetLocal,
		packet{"one", packetPeer, nil},
		packet{"mapped", textAddr("[::ffff:192.0.2.9]:9"), nil},
		packet{"", packetPeer, nil},
		packet{"invalid address", textAddr("not an address"), nil},
		packet{"no address", nil, nil},
		packet{"", nil, errTest},
		packet{"longer than all", packetPeer, nil},
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		data, peer string
		failed     bool
	}{
		{"one", "192.0.2.2:4000", false},
		{"mapped", "192.0.2.9:9", false},
		{"", "192.0.2.2:4000", false},
		{failed: true},
		{failed: true},
		{failed: true},
		{"longer t", "192.0.2.2:4000", false}, // truncated silently
	}
	ms := makeMessages(3, 8)
	for i, w := range want {
		ms[0].Local, ms[0].IfIndex, ms[0].Truncated = ip6, 7, true // from an earlier use
		n, err := c.Read(ms)
		if (err != nil) != w.failed {
			t.Fatalf("read %d = %d, %v; want an error: %v", i, n, err, w.failed)
		}
		if err != nil {
			if n != 0 || Transient(err) {
				t.Errorf("read %d = %d, %v (transient %v); want 0 and an error that is not transient",
					i, n, err, Transient(err))
			}
			continue
		}
		m := ms[0]
		if n != 1 || string(m.Buf) != w.data || m.Peer.String() != w.peer {
			t.Errorf("read %d: %d, %q from %v, want %q from %v", i, n, m.Buf, m.Peer, w.data, w.peer)
		}
		if m.Local != netip.MustParseAddr("192.0.2.1") || m.IfIndex != 0 || m.Truncated {
			t.Errorf("read %d: Local = %v, IfIndex = %d, Truncated = %v, want the values of this read", i,
				m.Local, m.IfIndex, m.Truncated)
		}
	}
}

func TestPacketWrite(t *testing.T) {
	f := newFake(packetLocal)
	c, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	errTest := errors.New("test error")
	f.fail = errTest
	peer := netip.MustParseAddrPort("192.0.2.2:4000")
	ms := []Message{{Buf: []byte("a"), Peer: peer}, {Buf: nil, Peer: peer}}
	if n, err := c.Write(ms); n != 0 || err != errTest {
		t.Errorf("Write = %d, %v, want the first message to fail", n, err)
	}
	if n, err := c.Write(ms); n != 2 || err != nil {
		t.Errorf("Write = %d, %v, want both sent", n, err)
	}
	var got []string
	for _, p := range f.sent {
		got = append(got, fmt.Sprintf("%s to %v", p.data, p.addr))
	}
	if want := []string{"a to 192.0.2.2:4000", " to 192.0.2.2:4000"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestPacketDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(packetLocal, packet{"one", packetPeer, nil}, packet{"two", packetPeer, nil})
		c, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		c.Drain()
		got, err := readUntilError(c)
		if !slices.Equal(got, []string{"one", "two"}) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("read %q, then %v; want the queued datagrams, then net.ErrClosed", got, err)
		}
		const minWait, maxWait = drainRounds * drainWait, (drainRounds + 1) * drainWait
		if took := time.Since(begun); took < minWait || took > maxWait {
			t.Errorf("the queue counted as empty after %v, want %v to %v", took, minWait, maxWait)
		}
		if _, err := c.Read(makeMessages(1, 1)); !errors.Is(err, net.ErrClosed) || c.KernelDropped() != 0 {
			t.Errorf("next Read = %v, KernelDropped = %d; want net.ErrClosed and 0", err,
				c.KernelDropped())
		}
	})
}

func TestPacketDrainWakesRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(newFake(packetLocal))
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() {
			_, err := c.Read(makeMessages(1, 1))
			result <- err
		}()
		synctest.Wait() // Read is blocked now
		c.Drain()
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read = %v, want net.ErrClosed", err)
		}
	})
}

func TestPacketDrainReadsLateDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(packetLocal)
		c, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		c.Drain()
		late := time.AfterFunc(drainWait*3/2, func() { f.queue <- packet{"late", packetPeer, nil} })
		defer late.Stop()
		got, err := readUntilError(c)
		if !slices.Equal(got, []string{"late"}) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("read %q, then %v; want the late datagram, then net.ErrClosed", got, err)
		}
	})
}

// TestPacketDrainEndsUnderFlood checks that reading ends after Drain although a datagram is always
// queued.
func TestPacketDrainEndsUnderFlood(t *testing.T) {
	f := &flood{fake: newFake(packetLocal)}
	c, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	c.Drain()
	ms := makeMessages(1, 16)
	read := 0
	for ; read < 2*maxDrained; read++ {
		if _, err = c.Read(ms); err != nil {
			break
		}
	}
	if !errors.Is(err, net.ErrClosed) || read != maxDrained {
		t.Errorf("read %d datagrams after Drain, then %v; want %d, then net.ErrClosed", read, err,
			maxDrained)
	}
	if _, err := c.Read(ms); !errors.Is(err, net.ErrClosed) {
		t.Errorf("next Read = %v, want net.ErrClosed", err)
	}
}

// TestPacketDrainEndsUnderTrickle checks that reading ends after Drain although a datagram arrives
// shortly before each wait ends.
func TestPacketDrainEndsUnderTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(packetLocal)
		c, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		defer close(stop)
		go func() { // ends with the test
			tick := time.NewTicker(drainWait - time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					f.queue <- packet{"more", packetPeer, nil}
				case <-stop:
					return
				}
			}
		}()
		c.Drain()
		begun := time.Now()
		got, err := readUntilError(c)
		if took := time.Since(begun); !errors.Is(err, net.ErrClosed) || len(got) < 100 ||
			took > maxDrainTime+time.Second {
			t.Errorf("read %d datagrams in %v, then %v; want at least 100 in %v, then net.ErrClosed",
				len(got), took, err, maxDrainTime)
		}
	})
}

// A flood is a fake that returns a datagram from every read before the deadline.
type flood struct{ *fake }

func (f *flood) ReadFrom(b []byte) (int, net.Addr, error) {
	f.mu.Lock()
	over := !f.limit.IsZero() && time.Until(f.limit) <= 0
	f.mu.Unlock()
	if over {
		return f.fake.ReadFrom(b)
	}
	return copy(b, "more"), packetPeer, nil
}
