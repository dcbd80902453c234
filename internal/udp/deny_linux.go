//go:build !ohce_portable

package udp

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// maxInstructions is the length of the longest program that the kernel accepts (BPF_MAXINSNS).
const maxInstructions = 4096

// The operations of classic BPF that filters use (linux/filter.h).
const (
	opLoadByte   = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
	opLoadWord   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	opShiftRight = unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K
	opJump       = unix.BPF_JMP | unix.BPF_JA
	opJumpEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opJumpAbove  = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	opJumpFrom   = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K // above or equal
	opReturn     = unix.BPF_RET | unix.BPF_K

	maxBranch = 255 // the longest distance of a conditional jump
)

// The result of a filter is the number of bytes to keep.
const (
	rejected = 0
	accepted = 0xffffffff
)

// The filter of a UDP socket sees the datagram from the UDP header on. Offsets from networkHeader
// on are relative to the IP header (SKF_NET_OFF).
const (
	networkHeader uint32 = 0xfff00000
	source4              = networkHeader + 12 // RFC 791, section 3.1
	source6              = networkHeader + 8  // RFC 8200, section 3
)

func instruction(op uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: op, K: k} }

// branch returns a conditional jump over yes or no instructions.
func branch(op uint16, k uint32, yes, no int) unix.SockFilter {
	return unix.SockFilter{Code: op, K: k, Jt: uint8(yes), Jf: uint8(no)}
}

// denyFilter returns a program that rejects the datagrams from sources in prefixes and accepts all
// others. The prefixes must be sorted and must not overlap. The program takes time logarithmic in
// their number.
//
// The program decides by the version in the IP header, because a socket of both families receives
// datagrams of both. It finds the source in a search tree of its first 32 bits. For prefixes longer
// than that, it continues with the next 32 bits.
func denyFilter(prefixes []netip.Prefix) []unix.SockFilter {
	var v4, v6 []netip.Prefix
	for _, p := range prefixes {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	search4 := searchSource(source4, v4, 0)
	return slices.Concat([]unix.SockFilter{
		instruction(opLoadByte, networkHeader),
		instruction(opShiftRight, 4),
		branch(opJumpEqual, 4, 3, 0),
		branch(opJumpEqual, 6, 1, 0),
		instruction(opReturn, accepted),
		instruction(opJump, uint32(len(search4))),
	}, search4, searchSource(source6, v6, 0))
}

// A span is a range of values of one 32-bit word of an address, and the code for them.
type span struct {
	first, last uint32
	code        []unix.SockFilter
}

// searchSource returns code that rejects the sources in prefixes, which are equal in all words
// before the given one.
func searchSource(offset uint32, prefixes []netip.Prefix, word int) []unix.SockFilter {
	if len(prefixes) == 0 {
		return []unix.SockFilter{instruction(opReturn, accepted)}
	}
	var spans []span
	for len(prefixes) > 0 {
		first, last := wordRange(prefixes[0], word)
		n := 1
		if prefixes[0].Bits() <= 32*(word+1) {
			spans = append(spans, span{first, last, []unix.SockFilter{instruction(opReturn, rejected)}})
		} else {
			for n < len(prefixes) && firstWord(prefixes[n], word) == first {
				n++
			}
			spans = append(spans, span{first, last, searchSource(offset, prefixes[:n], word+1)})
		}
		prefixes = prefixes[n:]
	}
	load := instruction(opLoadWord, offset+4*uint32(word))
	return append([]unix.SockFilter{load}, searchSpans(spans, false)...)
}

// wordRange returns the first and last value of a word of the addresses in p.
func wordRange(p netip.Prefix, word int) (first, last uint32) {
	first = firstWord(p, word)
	hosts := uint32(1<<32-1) >> min(max(p.Bits()-32*word, 0), 32)
	return first &^ hosts, first | hosts
}

func firstWord(p netip.Prefix, word int) uint32 {
	b := p.Addr().AsSlice()[4*word:]
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// searchSpans returns code that runs the code of the span that contains the loaded word, or accepts
// if there is none. above means that the word is at least the first value of the first span.
func searchSpans(spans []span, above bool) []unix.SockFilter {
	if s := spans[0]; len(spans) == 1 && (above || s.first == s.last) {
		test := branch(opJumpAbove, s.last, 0, 1)
		if !above {
			test = branch(opJumpEqual, s.first, 1, 0)
		}
		return append([]unix.SockFilter{test, instruction(opReturn, accepted)}, s.code...)
	}
	middle := len(spans) / 2
	low := []unix.SockFilter{instruction(opReturn, accepted)}
	if middle > 0 {
		low = searchSpans(spans[:middle], above)
	}
	high := searchSpans(spans[middle:], true)
	if len(low) <= maxBranch {
		return slices.Concat([]unix.SockFilter{branch(opJumpFrom, spans[middle].first, len(low), 0)},
			low, high)
	}
	return slices.Concat([]unix.SockFilter{
		branch(opJumpFrom, spans[middle].first, 0, 1),
		instruction(opJump, uint32(len(low))),
	}, low, high)
}

// DenySources attaches a filter that rejects datagrams from prefixes.
func (c *udpConn) DenySources(prefixes []netip.Prefix) error {
	c.state.Lock()
	defer c.state.Unlock()
	if c.released.Load() {
		return nil // the socket belongs to another process
	}
	var program []unix.SockFilter
	if len(prefixes) > 0 {
		program = denyFilter(prefixes)
	}
	if c.filtered { // Release attaches it
		c.deny = program
		return nil
	}
	if err := c.setFilter(program); err != nil {
		c.deny = nil
		return err
	}
	c.deny = program
	return nil
}
