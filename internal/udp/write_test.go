package udp

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// A fault creates messages to peer that cannot be sent.
type fault struct {
	name string
	make func(peer netip.AddrPort) Message
	want func(error) bool // reports whether the error is right; if nil, any error is
}

// faults returns faults that the package or the kernel detects, for a socket of the given family.
func faults(inet6 bool) []fault {
	longest := 65_507
	if inet6 {
		longest = 65_527
	}
	list := []fault{
		{"too long", func(peer netip.AddrPort) Message {
			return Message{Buf: make([]byte, longest+1), Peer: peer}
		}, TooLong},
		{"no port", func(peer netip.AddrPort) Message {
			return Message{Buf: []byte("x"), Peer: netip.AddrPortFrom(peer.Addr(), 0)}
		}, nil},
		{"no address", func(peer netip.AddrPort) Message {
			return Message{Buf: []byte("x"), Peer: netip.AddrPortFrom(netip.Addr{}, peer.Port())}
		}, nil},
	}
	if batches { // package net ignores an unknown zone
		list = append(list, fault{"unknown zone", func(netip.AddrPort) Message {
			return Message{Buf: []byte("x"), Peer: netip.MustParseAddrPort("[fe80::1%nosuchif]:9")}
		}, nil})
	}
	if !inet6 {
		list = append(list, fault{"bad family", func(peer netip.AddrPort) Message {
			return Message{Buf: []byte("x"), Peer: netip.AddrPortFrom(ip6, peer.Port())}
		}, nil})
	}
	return list
}

// TestWriteErrorLosesOneDatagram puts faults into batches, and continues with the next message
// after each error.
func TestWriteErrorLosesOneDatagram(t *testing.T) {
	places := []struct {
		name  string
		total int
		bad   []int
	}{
		{"none", 64, nil},
		{"first", 64, []int{0}},
		{"middle", 64, []int{31}},
		{"last", 64, []int{63}},
		{"adjacent", 64, []int{7, 8, 9}},
		{"both ends", 64, []int{0, 63}},
		{"alone", 1, []int{0}},
		{"all", 3, []int{0, 1, 2}},
		{"beyond one call", 150, []int{63, 64, 128, 149}},
	}
	for _, s := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, f := range faults(s[0] == '[') {
			for _, tt := range places {
				t.Run(fmt.Sprint(s, "/", f.name, "/", tt.name), func(t *testing.T) {
					conns, _ := listenOn(s)(t)
					writeWithFaults(t, conns[0], f, tt.total, tt.bad)
				})
			}
		}
	}
}

func writeWithFaults(t *testing.T, c Socket, f fault, total int, bad []int) {
	cl := client(t, c.LocalAddr())
	var ms []Message
	var want []string
	for i, s := range numbers(0, total) {
		m := Message{Buf: []byte(s), Peer: localAddr(cl)}
		if slices.Contains(bad, i) {
			m = f.make(localAddr(cl))
		} else {
			want = append(want, s)
		}
		ms = append(ms, m)
	}
	var failed []int
	for at := 0; at < len(ms); {
		n, err := c.Write(ms[at:])
		at += n
		if err == nil {
			break
		}
		if f.want != nil && !f.want(err) {
			t.Errorf("message %d: error %v, want another error", at, err)
		}
		failed = append(failed, at)
		at++
	}
	if !slices.Equal(failed, bad) {
		t.Errorf("Write failed at messages %v, want %v", failed, bad)
	}
	for i, w := range want {
		if got := receive(t, cl); got != w {
			t.Fatalf("datagram %d is %q, want %q", i, got, w)
		}
	}
	_, err := c.Write([]Message{{Buf: []byte("end"), Peer: localAddr(cl)}})
	if got := receive(t, cl); got != "end" || err != nil {
		t.Errorf("last datagram is %q (%v), want end", got, err)
	}
}

func TestWriteEmpty(t *testing.T) {
	c := open4(t)
	if n, err := c.Write(nil); n != 0 || err != nil {
		t.Errorf("Write(nil) = %d, %v, want 0", n, err)
	}
	cl := client(t, c.LocalAddr())
	if n, err := c.Write([]Message{{Peer: localAddr(cl)}}); n != 1 || err != nil {
		t.Errorf("Write of a nil Buf = %d, %v, want 1", n, err)
	}
	if got := receive(t, cl); got != "" {
		t.Errorf("nil Buf arrived as %q, want an empty datagram", got)
	}
}

func TestWriteResetsRows(t *testing.T) {
	conns, bound := listenOn("0.0.0.0:0")(t)
	c := serving(t, conns, netip.AddrPortFrom(ip4, bound.Port()))
	cl := client(t, netip.AddrPortFrom(ip4, bound.Port()))
	long := Message{Buf: []byte("long datagram"), Peer: localAddr(cl), Local: ip4}
	short := Message{Buf: []byte("b"), Peer: localAddr(cl)}
	for _, batch := range [][]Message{{long, long, long}, {short}, {short, long}} {
		if _, err := c.Write(batch); err != nil {
			t.Fatal(err)
		}
		for _, m := range batch {
			if got := receive(t, cl); got != string(m.Buf) {
				t.Errorf("received %q, want %q", got, m.Buf)
			}
		}
	}
}
