//go:build !ohce_portable

package udp

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// enablePacketInfo makes the kernel report the local address of each datagram. It enables both
// kinds of packet info on a dual-stack socket. For a datagram sent to an IPv4 broadcast address,
// only IP_PKTINFO has the address to respond from.
func enablePacketInfo(fd int, inet6 bool) error {
	err4 := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	if !inet6 {
		return err4
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// A controlInfo holds the control data of one received message.
type controlInfo struct {
	// local is the address to respond from. It is the address that the datagram was sent to or, for
	// a broadcast, the interface's address. It is the zero Addr if no response can be sent from
	// that address (multicast over IPv6), or if the datagram was queued before packet info was
	// enabled.
	local netip.Addr
	// ifIndex is the interface of a link-local address, otherwise 0.
	ifIndex uint32
	// segment is the segment size if the message holds several datagrams, otherwise 0.
	segment int
	// hopLimit is the remaining hop limit, or 0 if the kernel does not report it.
	hopLimit int
	// arrived is the time of arrival in nanoseconds since 1970, or 0 if the kernel does not report it.
	arrived int64
}

// parseControl parses control data. It ignores messages of unknown types and truncated messages.
func parseControl(ctl []byte) (r controlInfo) {
	for len(ctl) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(ctl)))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(ctl) {
			break
		}
		r.parse(h, ctl[unix.CmsgLen(0):size])
		ctl = ctl[min(len(ctl), unix.CmsgSpace(size-unix.CmsgLen(0))):]
	}
	return r
}

// parse parses one control message.
func (r *controlInfo) parse(h *unix.Cmsghdr, data []byte) {
	switch {
	case isControl(h, unix.IPPROTO_UDP, unix.UDP_GRO) && len(data) >= 4:
		if segment := *(*int32)(unsafe.Pointer(unsafe.SliceData(data))); segment > 0 {
			r.segment = int(segment)
		}
	case isControl(h, unix.IPPROTO_IP, unix.IP_TTL) && len(data) >= 4,
		isControl(h, unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT) && len(data) >= 4:
		r.hopLimit = int(*(*int32)(unsafe.Pointer(unsafe.SliceData(data))))
	case isControl(h, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS) && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
		r.arrived = (*unix.Timespec)(unsafe.Pointer(unsafe.SliceData(data))).Nano()
	case isControl(h, unix.IPPROTO_IP, unix.IP_PKTINFO) && len(data) >= unix.SizeofInet4Pktinfo:
		info := (*unix.Inet4Pktinfo)(unsafe.Pointer(unsafe.SliceData(data)))
		if addr := netip.AddrFrom4(info.Spec_dst); !addr.IsUnspecified() {
			r.local, r.ifIndex = replySource(addr, uint32(info.Ifindex))
		}
	case isControl(h, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO) && len(data) >= unix.SizeofInet6Pktinfo:
		if !r.local.Is4() { // IP_PKTINFO takes precedence: only it is right for broadcasts
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(unsafe.SliceData(data)))
			r.local, r.ifIndex = replySource(netip.AddrFrom16(info.Addr).Unmap(), info.Ifindex)
		}
	}
}

func isControl(h *unix.Cmsghdr, level, kind int32) bool { return h.Level == level && h.Type == kind }

// replySource returns the address and interface to respond from, if a datagram was sent to addr.
func replySource(addr netip.Addr, ifIndex uint32) (netip.Addr, uint32) {
	switch {
	case addr.IsUnspecified(), addr.IsMulticast():
		return netip.Addr{}, 0
	case addr.IsLinkLocalUnicast():
		return addr, ifIndex
	default:
		return addr, 0
	}
}

// appendPacketInfo appends the control data that sets the source address of a datagram to local, in
// the form for the socket's family. dst must have a spare capacity of controlSpace bytes, and its
// end must be aligned like Cmsghdr.
func appendPacketInfo(dst []byte, local netip.Addr, ifIndex uint32, inet6 bool) []byte {
	data := len(dst) + unix.CmsgLen(0)
	if inet6 {
		dst = appendControl(dst, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&dst[data]))
		info.Addr, info.Ifindex = local.As16(), ifIndex
		return dst
	}
	dst = appendControl(dst, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&dst[data]))
	info.Spec_dst, info.Ifindex = local.As4(), int32(ifIndex)
	return dst
}

// appendSegment appends the control data that makes the kernel send a message as segments of size
// bytes. The requirements on dst are those of appendPacketInfo.
func appendSegment(dst []byte, size int) []byte {
	data := len(dst) + unix.CmsgLen(0)
	dst = appendControl(dst, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2)
	*(*uint16)(unsafe.Pointer(&dst[data])) = uint16(size)
	return dst
}

// appendControl appends a control message header and size zero bytes of data.
func appendControl(dst []byte, level, kind int32, size int) []byte {
	start := len(dst)
	dst = dst[:start+unix.CmsgSpace(size)]
	clear(dst[start:])
	h := (*unix.Cmsghdr)(unsafe.Pointer(&dst[start]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(size))
	return dst
}
