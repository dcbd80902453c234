package udp

import (
	"net/netip"
	"testing"
)

// TestReadWriteAllocs sends a batch, reads it and answers it, again and again.
func TestReadWriteAllocs(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		const batch = 8
		cl := client(t, to)
		ask, answer := []byte("request"), make([]byte, 64)
		ms := makeMessages(MaxWidth, 64)
		step := func() {
			for range batch {
				cl.Write(ask)
			}
			for answered := 0; answered < batch; {
				n, err := c.Read(ms)
				if err != nil {
					t.Fatal(err)
				}
				if n, err := c.Write(ms[:n]); err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
				answered += n
			}
			for range batch {
				if n, err := cl.Read(answer); n != len(ask) || err != nil {
					t.Fatalf("answer of %d bytes, %v", n, err)
				}
			}
		}
		step() // the tables grow
		if got := testing.AllocsPerRun(50, step); got > allocsRead*batch {
			t.Errorf("%d datagrams read and written cost %v allocations, want %d", batch, got,
				allocsRead*batch)
		}
	})
}
