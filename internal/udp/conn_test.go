package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		longest := 65_507
		if to.Addr().Is6() {
			longest = 65_527
		}
		cl := client(t, to)
		ms := makeMessages(4, 1<<16)
		for _, size := range []int{0, 1, 1200, 1472, 9000, longest} {
			t.Run(fmt.Sprint(size), func(t *testing.T) {
				sent := strings.Repeat("ohce", size/4+1)[:size]
				send(t, cl, sent)
				n, err := c.Read(ms)
				if n != 1 || err != nil {
					t.Fatalf("Read = %d, %v, want 1 datagram", n, err)
				}
				if got := string(ms[0].Buf); got != sent || ms[0].Truncated {
					t.Fatalf("Read %d bytes, truncated %v, want the %d sent", len(got),
						ms[0].Truncated, size)
				}
				if n, err := c.Write(ms[:1]); n != 1 || err != nil {
					t.Fatalf("Write = %d, %v, want 1 datagram", n, err)
				}
				if got := receive(t, cl); got != sent {
					t.Errorf("response has %d bytes, want the %d sent", len(got), size)
				}
			})
		}
	})
}

func TestReadSetsAddresses(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		cl := client(t, to)
		send(t, cl, "request")
		ms := makeMessages(1, 16)
		if _, err := c.Read(ms); err != nil {
			t.Fatal(err)
		}
		if got, want := ms[0].Peer, localAddr(cl); got != want {
			t.Errorf("Peer = %v, want the client's %v", got, want)
		}
		want := to.Addr()
		if !batches && c.LocalAddr().Addr().IsUnspecified() { // a wildcard socket not from Listen
			want = netip.Addr{}
		}
		if got := ms[0].Local; got != want {
			t.Errorf("Local = %v, want %v", got, want)
		}
		if got := ms[0].IfIndex; got != 0 {
			t.Errorf("IfIndex = %d, want 0: the address is not link-local", got)
		}
	})
}

func TestResponseLeavesFromRequestedAddress(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		// Not connected, so that the kernel does not filter a response from another address.
		pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: to.Addr().AsSlice()})
		if err != nil {
			t.Fatal(err)
		}
		closeInTime(t, &packetConn{pc: pc})
		pc.WriteToUDPAddrPort([]byte("request"), to)
		ms := makeMessages(1, 16)
		if _, err := c.Read(ms); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(ms); err != nil {
			t.Fatal(err)
		}
		_, from, err := pc.ReadFromUDPAddrPort(make([]byte, 16))
		if err != nil || from != to {
			t.Errorf("response from %v (%v), want from %v", from, err, to)
		}
	})
}

func TestWriteFromLocal(t *testing.T) {
	if !servesLoopbackNet {
		t.Skip("the portable path has a socket for each address")
	}
	for _, addr := range []string{"0.0.0.0:0", "[::]:0"} {
		t.Run(addr, func(t *testing.T) {
			conns, bound := listenOn(addr)(t)
			peer := open4(t)
			chosen := netip.MustParseAddr("127.0.0.9")
			ms := makeMessages(1, 16)
			for _, tt := range []struct{ local, want netip.Addr }{
				{chosen, chosen}, {netip.Addr{}, ip4}, {chosen, chosen}, {ip4, ip4},
			} {
				m := Message{Buf: []byte("hello"), Peer: peer.LocalAddr(), Local: tt.local}
				if _, err := conns[0].Write([]Message{m}); err != nil {
					t.Fatal(err)
				}
				if _, err := peer.Read(ms); err != nil {
					t.Fatal(err)
				}
				if want := netip.AddrPortFrom(tt.want, bound.Port()); ms[0].Peer != want {
					t.Errorf("Local %v: datagram from %v, want from %v", tt.local, ms[0].Peer, want)
				}
			}
		})
	}
}

func TestReadBatchInOrder(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		cl := client(t, to)
		sendNumbers(t, cl, 0, MaxWidth)
		ms := makeMessages(MaxWidth+6, 16) // more than Read uses
		want := numbers(0, MaxWidth)
		var got []string
		reads := 0
		for len(got) < MaxWidth {
			n, err := c.Read(ms)
			if err != nil || n < 1 || n > c.Width() {
				t.Fatalf("Read = %d, %v, want 1 to %d datagrams", n, err, c.Width())
			}
			got = appendContents(got, ms[:n])
			reads++
		}
		if !slices.Equal(got, want) {
			t.Errorf("Read returned %q, want %q", got, want)
		}
		// The batches have 4, 8, 16, 32 and 4 datagrams.
		if batches && reads > 5 {
			t.Errorf("%d datagrams took %d reads, want at most 5", MaxWidth, reads)
		}
	})
}

func TestReadKeepsUnusedMessages(t *testing.T) {
	c := open4(t)
	cl := client(t, c.LocalAddr())
	mark := Message{
		Buf: []byte("mark"), Peer: netip.MustParseAddrPort("192.0.2.1:1"), Local: ip6, IfIndex: 7,
		Truncated: true,
	}
	ms := make([]Message, 8)
	for i := range ms {
		ms[i] = mark
		ms[i].Buf = bytes.Clone(mark.Buf)
	}
	send(t, cl, "one")
	if n, err := c.Read(ms); n != 1 || err != nil {
		t.Fatalf("Read = %d, %v, want 1 datagram", n, err)
	}
	if m := ms[0]; string(m.Buf) != "one" || m.Peer != localAddr(cl) || m.Truncated || m.IfIndex != 0 {
		t.Errorf("message read is %+v, want all fields set", m)
	}
	for i, m := range ms[1:] {
		if !bytes.Equal(m.Buf, mark.Buf) || m.Peer != mark.Peer || m.Local != mark.Local ||
			m.IfIndex != mark.IfIndex || !m.Truncated {
			t.Errorf("unused message %d is %+v, want it unchanged", i+1, m)
		}
	}
}

func TestReadUsesWholeCapacity(t *testing.T) {
	c := open4(t)
	cl := client(t, c.LocalAddr())
	ms := []Message{{Buf: make([]byte, 2, 100)}}
	for _, size := range []int{50, 3, 100, 0, 99, 1, 100} {
		sent := strings.Repeat("x", size)
		send(t, cl, sent)
		if _, err := c.Read(ms); err != nil {
			t.Fatal(err)
		}
		if got := ms[0]; string(got.Buf) != sent || cap(got.Buf) != 100 || got.Truncated {
			t.Errorf("datagram of %d bytes: Read returned %d, capacity %d, truncated %v", size,
				len(got.Buf), cap(got.Buf), got.Truncated)
		}
	}
}

func TestReadReportsTruncation(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		const room = 8
		sent := []string{"short", "just 8 b", "this is longer", "", "longer again", "last"}
		cl := client(t, to)
		ms := makeMessages(len(sent), room)
		for range 2 { // the second time with used tables
			for _, s := range sent {
				send(t, cl, s)
			}
			for read := 0; read < len(sent); {
				n, err := c.Read(ms[read:])
				if err != nil {
					t.Fatal(err)
				}
				read += n
			}
			for i, s := range sent {
				want := s[:min(len(s), room)]
				if got := string(ms[i].Buf); got != want {
					t.Errorf("message %d is %q, want %q", i, got, want)
				}
				if cut := len(s) > room; reportsTruncation && ms[i].Truncated != cut {
					t.Errorf("message %d, %q: Truncated = %v, want %v", i, s, !cut, cut)
				}
			}
		}
	})
}

func TestReadWithoutBuffer(t *testing.T) {
	c := open4(t)
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v, want 0 immediately", n, err)
	}
	cl := client(t, c.LocalAddr())
	send(t, cl, "")
	send(t, cl, "lost")
	for _, cut := range []bool{false, true} {
		ms := make([]Message, 1) // Buf is nil
		if n, err := c.Read(ms); n != 1 || err != nil || len(ms[0].Buf) != 0 {
			t.Fatalf("Read = %d, %v with %q, want an empty datagram", n, err, ms[0].Buf)
		}
		if reportsTruncation && ms[0].Truncated != cut {
			t.Errorf("Truncated = %v, want %v", ms[0].Truncated, cut)
		}
	}
}

func TestCloseWakesRead(t *testing.T) {
	forEachSocket(t, func(t *testing.T, s socket) {
		conns, _ := s.open(t)
		for _, c := range conns {
			started, result := make(chan struct{}), make(chan error, 1)
			go func() {
				close(started)
				_, err := c.Read(makeMessages(4, 16))
				result <- err
			}()
			<-started // Close must unblock Read, whether Read has blocked yet or not
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if err := <-result; !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read = %v, want net.ErrClosed", err)
			}
			if _, err := c.Read(makeMessages(1, 16)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read after Close = %v, want net.ErrClosed", err)
			}
			_, err := c.Write([]Message{{Buf: []byte("x"), Peer: c.LocalAddr()}})
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write after Close = %v, want net.ErrClosed", err)
			}
		}
	})
}

func TestConcurrentReadAndWrite(t *testing.T) {
	const rounds, batchSize = 20, 16
	a, b := open4(t), open4(t)
	done := make(chan error, 1)
	go func() { // ends after all rounds or when closeInTime closes b
		ms := makeMessages(batchSize, 16)
		for answered := 0; answered < rounds*batchSize; {
			n, err := b.Read(ms)
			if err == nil {
				_, err = b.Write(ms[:n])
			}
			if err != nil {
				done <- err
				return
			}
			answered += n
		}
		done <- nil
	}()
	for round := range rounds {
		var out []Message
		for _, s := range numbers(round*batchSize, (round+1)*batchSize) {
			out = append(out, Message{Buf: []byte(s), Peer: b.LocalAddr()})
		}
		if n, err := a.Write(out); n != batchSize || err != nil {
			t.Fatalf("Write = %d, %v, want %d", n, err, batchSize)
		}
		if got, want := readN(t, a, batchSize), numbers(round*batchSize, (round+1)*batchSize); !slices.Equal(got,
			want) {
			t.Fatalf("round %d: got %q, want %q", round, got, want)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
