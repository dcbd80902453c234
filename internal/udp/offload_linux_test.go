//go:build !ohce_portable

package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// needOffload skips the test if the kernel lacks segments in either direction. TestFeatures checks
// that no kernel lacks them that should have them.
func needOffload(t *testing.T) {
	t.Helper()
	if err := errors.Join(featureGRO.probe(), featureGSO.probe()); err != nil {
		t.Skip(err)
	}
}

// TestSegments sends datagrams as segments of one message, and checks that all of them arrive.
func TestSegments(t *testing.T) {
	needOffload(t)
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		sender := openAs(t, to)
		for _, tt := range []struct{ count, size, last int }{
			{2, 1, 1}, {2, 100, 100}, {3, 100, 1}, {64, 16, 16}, {64, 1000, 7}, {54, 1200, 1200},
		} {
			t.Run(fmt.Sprintf("%dx%d+%d", tt.count-1, tt.size, tt.last), func(t *testing.T) {
				if got := sender.MaxSegments(tt.size); got < tt.count {
					t.Fatalf("MaxSegments(%d) = %d, want at least %d", tt.size, got, tt.count)
				}
				data := make([]byte, (tt.count-1)*tt.size+tt.last)
				for i := range data {
					data[i] = byte(i / tt.size)
				}
				m := Message{Buf: data, Peer: to, Segment: tt.size}
				if n, err := sender.Write([]Message{m}); n != 1 || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
				ms := makeMessages(4, c.MinReadBuffer())
				var got []byte
				count := 0
				for count < tt.count {
					n, err := c.Read(ms)
					if err != nil {
						t.Fatal(err)
					}
					for _, m := range ms[:n] {
						got = append(got, m.Buf...)
						count += m.Count()
						if want := to.Addr(); m.Local != want {
							t.Errorf("Local is %v, want %v", m.Local, want)
						}
					}
				}
				if count != tt.count || !bytes.Equal(got, data) {
					t.Errorf("received %d datagrams with %d bytes, want %d with the %d sent", count,
						len(got), tt.count, len(data))
				}
			})
		}
	})
}

// openAs opens a socket of the same address family as to.
func openAs(t *testing.T, to netip.AddrPort) Socket {
	t.Helper()
	addr := "127.0.0.1:0"
	if to.Addr().Is6() {
		addr = "[::1]:0"
	}
	conns, _ := listenOn(addr)(t)
	return conns[0]
}

func TestMaxSegments(t *testing.T) {
	o := new(offload)
	if got := o.maxSegments(100); got != 1 {
		t.Errorf("without offload MaxSegments(100) = %d, want 1", got)
	}
	o.segment.Store(maxSegmented / 2)
	for size, want := range map[int]int{0: 1, 1: 64, 1023: 64, 1024: 63, 1200: 54, 32_753: 2, 32_754: 1,
		65_507: 1} {
		if got := o.maxSegments(size); got != want {
			t.Errorf("MaxSegments(%d) = %d, want %d", size, got, want)
		}
	}
}

func TestRefusedSegments(t *testing.T) {
	tests := []struct {
		name string
		err  unix.Errno
		want []int // MaxSegments of 100, 1000 and 1200 bytes
	}{
		{"device", unix.EIO, []int{1, 1, 1}},
		{"path", unix.EINVAL, []int{64, 1, 1}},
		{"peer", unix.EPERM, []int{64, 64, 54}},
		{"buffers", unix.ENOBUFS, []int{64, 64, 54}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := new(offload)
			o.segment.Store(maxSegmented / 2)
			o.refused(1000, tt.err)
			o.refused(1100, tt.err) // must not raise the limit
			var got []int
			for _, size := range []int{100, 1000, 1200} {
				got = append(got, o.maxSegments(size))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("MaxSegments of 100, 1000 and 1200 = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestRefusedSegmentsFailOneMessage checks that the error for refused segments concerns only their
// message, and that none of them is sent.
func TestRefusedSegmentsFailOneMessage(t *testing.T) {
	needOffload(t)
	c := open4(t)
	peer := open4(t)
	to := peer.LocalAddr()
	ms := []Message{
		{Buf: []byte("before"), Peer: to},
		{Buf: make([]byte, 66_000), Peer: to, Segment: 1100},
		{Buf: []byte("after"), Peer: to},
	}
	n, err := c.Write(ms)
	if n != 1 || err == nil {
		t.Fatalf("Write of 66,000 bytes in segments = %d, %v; want 1 and an error", n, err)
	}
	if n, err := c.Write(ms[n+1:]); n != 1 || err != nil {
		t.Fatalf("Write of the last message = %d, %v; want 1", n, err)
	}
	if got := readN(t, peer, 2); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("received %q, want before and after", got)
	}
}

// TestBusyPoll checks that a Read that polls returns datagrams during and after the polling time,
// and that Drain and Close unblock it.
func TestBusyPoll(t *testing.T) {
	for _, end := range []string{"drain", "close"} {
		t.Run(end, func(t *testing.T) {
			c := open4(t)
			c.BusyPoll(50 * time.Microsecond)
			cl := client(t, c.LocalAddr())
			for i := range 100 {
				send(t, cl, fmt.Sprint(i))
				if got := readN(t, c, 1); got[0] != fmt.Sprint(i) {
					t.Fatalf("read %q, want %d", got, i)
				}
			}
			ended := make(chan error, 1)
			go func() { _, err := readUntilError(c); ended <- err }()
			if end == "drain" {
				c.Drain()
			} else {
				c.Close()
			}
			select {
			case <-ended:
			case <-time.After(testTimeout):
				t.Error("Read did not return")
			}
		})
	}
}
