//go:build !ohce_portable

package udp

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// newVM returns a virtual machine for a filter. Its packets begin with the IP header, because the
// machine does not support offsets from networkHeader on.
func newVM(t *testing.T, program []unix.SockFilter) *bpf.VM {
	t.Helper()
	var all []bpf.Instruction
	for _, f := range program {
		if f.Code == opLoadByte || f.Code == opLoadWord {
			f.K -= networkHeader
		}
		all = append(all, bpf.RawInstruction{Op: f.Code, Jt: f.Jt, Jf: f.Jf, K: f.K}.Disassemble())
	}
	vm, err := bpf.NewVM(all)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// rejects reports whether a filter rejects a datagram from an address.
func rejects(t *testing.T, vm *bpf.VM, from netip.Addr) bool {
	t.Helper()
	packet := make([]byte, 48)
	if from.Is4() {
		packet[0] = 0x45
		copy(packet[12:], from.AsSlice())
	} else {
		packet[0] = 0x60
		copy(packet[8:], from.AsSlice())
	}
	n, err := vm.Run(packet)
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 && n < len(packet) {
		t.Fatalf("the filter truncates the datagram to %d bytes", n)
	}
	return n == 0
}

// separate returns n random prefixes that are sorted and do not overlap. Few bits of the first word
// differ, so that many of the prefixes differ in a later word only.
func separate(random *rand.Rand, n int, six bool) []netip.Prefix {
	var all []netip.Prefix
	for range n {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], random.Uint64()&0xfffc_0f_f0_0000_0003)
		binary.BigEndian.PutUint64(b[8:], random.Uint64()&0xc000_0001_8000_0001)
		if six {
			all = append(all, netip.PrefixFrom(netip.AddrFrom16(b), 12+random.IntN(117)).Masked())
		} else {
			all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte(b[:4])), 12+random.IntN(21)).Masked())
		}
	}
	return disjoint(all)
}

// disjoint returns the prefixes sorted and without those that others contain.
func disjoint(all []netip.Prefix) []netip.Prefix {
	slices.SortFunc(all, netip.Prefix.Compare)
	kept := all[:0]
	for _, p := range all {
		if len(kept) == 0 || !kept[len(kept)-1].Contains(p.Addr()) {
			kept = append(kept, p)
		}
	}
	return kept
}

// last returns the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// TestDenyFilter compares a filter with its prefixes at their first and last addresses and at the
// addresses beside them.
func TestDenyFilter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 10, 100, 1000} {
		prefixes := append(separate(random, n, false), separate(random, n, true)...)
		vm := newVM(t, denyFilter(prefixes))
		addrs := []netip.Addr{
			netip.IPv4Unspecified(), netip.MustParseAddr("255.255.255.255"), netip.IPv6Unspecified(),
			netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
		}
		for _, p := range prefixes {
			first, last := p.Addr(), last(p)
			addrs = append(addrs, first, last, first.Prev(), last.Next())
		}
		for _, a := range addrs {
			want := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
			if a.IsValid() && rejects(t, vm, a) != want {
				t.Fatalf("%d prefixes: %v is rejected: %v, want %v", len(prefixes), a, !want, want)
			}
		}
	}
}

// FuzzDenyFilter compares a filter with its prefixes. Each 17 bytes of data are an address and a
// prefix length, of IPv4 if the length is at most 32.
func FuzzDenyFilter(f *testing.F) {
	f.Add([]byte("\xc0\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x18"), []byte("\xc0\x00\x02\x01"))
	f.Add([]byte("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x80"+
		"\x20\x01\x0d\xb8\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x30"), make([]byte, 16))
	f.Fuzz(func(t *testing.T, data, other []byte) {
		var all []netip.Prefix
		var addrs []netip.Addr
		for ; len(data) >= 17 && len(all) < 100; data = data[17:] {
			addr, bits := netip.AddrFrom16([16]byte(data)), int(data[16])%129
			if bits <= 32 {
				addr = netip.AddrFrom4([4]byte(data))
			}
			p := netip.PrefixFrom(addr, bits).Masked()
			all, addrs = append(all, p), append(addrs, addr, p.Addr().Prev(), last(p).Next())
		}
		if a, ok := netip.AddrFromSlice(other); ok {
			addrs = append(addrs, a)
		}
		prefixes := disjoint(all)
		vm := newVM(t, denyFilter(prefixes))
		for _, a := range addrs {
			want := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
			if a.IsValid() && rejects(t, vm, a) != want {
				t.Errorf("%v: %v is rejected: %v, want %v", prefixes, a, !want, want)
			}
		}
	})
}

func TestDenyFilterOfAllAddresses(t *testing.T) {
	all4, all6 := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")
	for _, tt := range []struct {
		prefixes  []netip.Prefix
		four, six bool
	}{
		{[]netip.Prefix{all4}, true, false},
		{[]netip.Prefix{all6}, false, true},
		{[]netip.Prefix{all4, all6}, true, true},
	} {
		vm := newVM(t, denyFilter(tt.prefixes))
		if got := rejects(t, vm, ip4); got != tt.four {
			t.Errorf("%v: %v is rejected: %v, want %v", tt.prefixes, ip4, got, tt.four)
		}
		if got := rejects(t, vm, ip6); got != tt.six {
			t.Errorf("%v: %v is rejected: %v, want %v", tt.prefixes, ip6, got, tt.six)
		}
	}
	vm := newVM(t, denyFilter([]netip.Prefix{all4, all6}))
	if n, err := vm.Run(make([]byte, 48)); n == 0 || err != nil {
		t.Errorf("a packet of no known version: %d bytes, %v; want it accepted", n, err)
	}
}

// TestDenyFilterLength checks how many prefixes fit into the longest program, and that the kernel
// accepts such a program.
func TestDenyFilterLength(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, tt := range []struct {
		name string
		n    int
		of   func(i int) netip.Prefix
	}{
		{"IPv4 /24", 950, func(i int) netip.Prefix {
			a := [4]byte{byte(i >> 8), byte(i), byte(random.Uint32())}
			return netip.PrefixFrom(netip.AddrFrom4(a), 24)
		}},
		{"IPv6 /32", 950, func(i int) netip.Prefix {
			return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, byte(i >> 8), byte(i)}), 32)
		}},
		{"IPv6 /48 of different /32", 450, func(i int) netip.Prefix {
			return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, byte(i >> 8), byte(i), 1, 2, 3}), 48)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var prefixes []netip.Prefix
			for i := range tt.n {
				prefixes = append(prefixes, tt.of(i))
			}
			program := denyFilter(prefixes)
			t.Logf("%d prefixes need %d instructions", tt.n, len(program))
			if len(program) > maxInstructions {
				t.Errorf("%d prefixes need %d instructions, want at most %d", tt.n, len(program),
					maxInstructions)
			}
			if err := open4(t).DenySources(prefixes); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDenySources checks on sockets of all kinds that the kernel drops and counts the datagrams of
// denied sources only, until the list is replaced.
func TestDenySources(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		cl := client(t, to)
		from := localAddr(cl).Addr()
		others := []netip.Prefix{
			netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"),
		}
		denied := append(slices.Clone(others), netip.PrefixFrom(from, from.BitLen()))
		slices.SortFunc(denied, netip.Prefix.Compare)
		dropped := uint64(0)
		for i, prefixes := range [][]netip.Prefix{nil, denied, others, denied, denied, nil} {
			if err := c.DenySources(prefixes); err != nil {
				t.Fatal(err)
			}
			sendNumbers(t, cl, 10*i, 10*i+10)
			if len(prefixes) == len(denied) {
				dropped += 10
			} else if got := readN(t, c, 10); !slices.Equal(got, numbers(10*i, 10*i+10)) {
				t.Errorf("read %q", got)
			}
			if got := c.KernelDropped(); got != dropped {
				t.Errorf("KernelDropped = %d, want %d", got, dropped)
			}
		}
	})
}

// TestDenySourcesOfSegments shows that the kernel counts a run of segments that it drops as one.
func TestDenySourcesOfSegments(t *testing.T) {
	needOffload(t)
	c := open4(t)
	if err := c.DenySources([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}); err != nil {
		t.Fatal(err)
	}
	m := Message{Buf: make([]byte, 1000), Peer: c.LocalAddr(), Segment: 100}
	if n, err := openAs(t, c.LocalAddr()).Write([]Message{m}); n != 1 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	t.Logf("KernelDropped of 10 segments is %d", c.KernelDropped())
	if got := c.KernelDropped(); got != 1 && got != 10 {
		t.Errorf("KernelDropped of 10 segments is %d, want 1 or 10", got)
	}
}

// TestDenySourcesTooMany checks that a list that is too long leaves no filter behind.
func TestDenySourcesTooMany(t *testing.T) {
	c := open4(t)
	deny := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if err := c.DenySources(deny); err != nil {
		t.Fatal(err)
	}
	for i := range maxInstructions / 2 {
		deny = append(deny, netip.PrefixFrom(netip.AddrFrom4([4]byte{128, byte(i >> 8), byte(i)}), 24))
	}
	if err := c.DenySources(deny); err == nil {
		t.Errorf("DenySources of %d prefixes returned no error", len(deny))
	}
	sendNumbers(t, client(t, c.LocalAddr()), 0, 3)
	readN(t, c, 3)
}

// TestDenySourcesAndDrain checks that Drain rejects all sources, that DenySources does not undo it,
// and that Release restores the latest list for the successor.
func TestDenySourcesAndDrain(t *testing.T) {
	deny := []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	for _, late := range []bool{false, true} {
		c := open4(t).(*udpConn)
		from2 := clientFrom(t, netip.MustParseAddr("127.0.0.2"), c.local)
		from1 := client(t, c.local)
		next := successor(t, c)
		if !late {
			if err := c.DenySources(deny); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Drain(); err != nil {
			t.Fatal(err)
		}
		if late {
			if err := c.DenySources(deny); err != nil {
				t.Fatal(err)
			}
		}
		send(t, from1, "dropped")
		if got := c.KernelDropped(); got != 1 {
			t.Fatalf("KernelDropped after Drain is %d, want 1", got)
		}
		if err := c.Release(); err != nil {
			t.Fatal(err)
		}
		send(t, from2, "dropped")
		send(t, from1, "read")
		if got := readN(t, next, 1); got[0] != "read" {
			t.Errorf("the successor read %q, want the datagram of 127.0.0.1", got)
		}
		// The list now belongs to the successor.
		if err := c.DenySources(nil); err != nil {
			t.Fatal(err)
		}
		send(t, from2, "dropped")
		if got := next.KernelDropped(); got != 3 {
			t.Errorf("KernelDropped of the successor is %d, want 3", got)
		}
		if err := next.DenySources(nil); err != nil {
			t.Fatal(err)
		}
		send(t, from2, "read")
		readN(t, next, 1)
	}
}

// clientFrom is client with a local address.
func clientFrom(t *testing.T, from netip.Addr, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)),
		net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
