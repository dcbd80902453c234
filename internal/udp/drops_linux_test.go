//go:build !ohce_portable

package udp

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDropsUpdate(t *testing.T) {
	tests := []struct {
		name     string
		readings []uint32
		want     uint64
	}{
		{"none", nil, 0},
		{"first reading counts", []uint32{5}, 5},
		{"no change", []uint32{5, 5, 5}, 5},
		{"growing", []uint32{1, 10, 11}, 11},
		{"just before the wrap", []uint32{1<<32 - 1}, 1<<32 - 1},
		{"wrap to zero", []uint32{1<<32 - 1, 0}, 1 << 32},
		{"across the wrap", []uint32{1<<32 - 6, 4}, 1<<32 + 4},
		{"two wraps", []uint32{1 << 31, 5, 1 << 31, 6}, 2<<32 + 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d drops
			for _, r := range tt.readings {
				d.update(r)
			}
			if d.total != tt.want {
				t.Errorf("total after %v is %d, want %d", tt.readings, d.total, tt.want)
			}
		})
	}
}

func TestKernelDroppedCountsOverflow(t *testing.T) {
	const sent = 300
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		if got := c.KernelDropped(); got != 0 {
			t.Fatalf("KernelDropped of a new socket = %d, want 0", got)
		}
		// A buffer that holds some of the datagrams, but not all.
		if err := c.(*udpConn).control(func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<10)
		}); err != nil {
			t.Fatal(err)
		}
		sendNumbers(t, client(t, to), 0, sent)
		during := c.KernelDropped()
		c.Drain()
		got, err := readUntilError(c)
		if !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		if len(got) == 0 || len(got) == sent {
			t.Errorf("read %d of %d datagrams, want some, but not all", len(got), sent)
		}
		if drops := c.KernelDropped(); uint64(len(got))+drops != sent || drops != during {
			t.Errorf("sent %d, read %d, KernelDropped %d (%d before reading); want sent = read + dropped",
				sent, len(got), drops, during)
		}
	})
}

func TestKernelDroppedBeforeNew(t *testing.T) {
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip4.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	pc.SetReadBuffer(8 << 10)
	to := pc.LocalAddr().(*net.UDPAddr).AddrPort()
	sendNumbers(t, client(t, to), 0, 100)
	c := newConn(t, pc)
	c.Drain()
	got, _ := readUntilError(c)
	c.Close()
	if drops := c.KernelDropped(); drops == 0 || uint64(len(got))+drops != 100 {
		t.Errorf("sent 100, read %d, KernelDropped %d after Close; want sent = read + dropped",
			len(got), drops)
	}
}
