package udp

import (
	"net/netip"
	"testing"
)

// TestReadWriteAllocs checks that reading and writing batches does not allocate.
func TestReadWriteAllocs(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		const batch = 8
		cl := client(t, to)
		request, response := []byte("request"), make([]byte, 64)
		ms := makeMessages(MaxWidth, 64)
		step := func() {
			for range batch {
				cl.Write(request)
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
				if n, err := cl.Read(response); n != len(request) || err != nil {
					t.Fatalf("Read = %d, %v, want a response of %d bytes", n, err, len(request))
				}
			}
		}
		step() // grows the tables
		if got := testing.AllocsPerRun(50, step); got > allocsRead*batch {
			t.Errorf("%d datagrams took %v allocations, want %d", batch, got,
				allocsRead*batch)
		}
	})
}
