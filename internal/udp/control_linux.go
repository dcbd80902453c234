//go:build !ohce_portable

package udp

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// askPacketInfo asks for the local address of each datagram. An IPv6 socket that also takes IPv4
// is asked for both kinds: the IPv4 one alone tells the address to answer from when the datagram
// was sent to a broadcast address.
func askPacketInfo(fd int, inet6 bool) error {
	err4 := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	if !inet6 {
		return err4
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// A received is what control data tells of a message.
type received struct {
	// local is the address that the datagram was sent to, or for a broadcast the one that stands
	// for it, and for a link-local one ifIndex is the interface. It is the zero Addr where there is
	// none to answer from, as for multicast over IPv6, and for a datagram that was queued before
	// the socket was asked for packet info.
	local   netip.Addr
	ifIndex uint32
	// segment is the size of the datagrams if there are several, else 0.
	segment int
	// hopLimit is the remaining hop limit, or 0 if the kernel does not report it.
	hopLimit int
}

// parseControl reads control data. What it does not know, or what is cut, it passes over.
func parseControl(ctl []byte) (r received) {
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

// parse reads one control message.
func (r *received) parse(h *unix.Cmsghdr, data []byte) {
	switch {
	case isControl(h, unix.IPPROTO_UDP, unix.UDP_GRO) && len(data) >= 4:
		if segment := *(*int32)(unsafe.Pointer(unsafe.SliceData(data))); segment > 0 {
			r.segment = int(segment)
		}
	case isControl(h, unix.IPPROTO_IP, unix.IP_TTL) && len(data) >= 4,
		isControl(h, unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT) && len(data) >= 4:
		r.hopLimit = int(*(*int32)(unsafe.Pointer(unsafe.SliceData(data))))
	case isControl(h, unix.IPPROTO_IP, unix.IP_PKTINFO) && len(data) >= unix.SizeofInet4Pktinfo:
		info := (*unix.Inet4Pktinfo)(unsafe.Pointer(unsafe.SliceData(data)))
		if addr := netip.AddrFrom4(info.Spec_dst); !addr.IsUnspecified() {
			r.local, r.ifIndex = source(addr, uint32(info.Ifindex))
		}
	case isControl(h, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO) && len(data) >= unix.SizeofInet6Pktinfo:
		if !r.local.Is4() { // where both are told, the IPv4 one is right for broadcasts too
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(unsafe.SliceData(data)))
			r.local, r.ifIndex = source(netip.AddrFrom16(info.Addr).Unmap(), info.Ifindex)
		}
	}
}

func isControl(h *unix.Cmsghdr, level, kind int32) bool { return h.Level == level && h.Type == kind }

// source is what to answer from where addr was asked.
func source(addr netip.Addr, ifIndex uint32) (netip.Addr, uint32) {
	switch {
	case addr.IsUnspecified(), addr.IsMulticast():
		return netip.Addr{}, 0
	case addr.IsLinkLocalUnicast():
		return addr, ifIndex
	default:
		return addr, 0
	}
}

// appendPacketInfo appends the control data that makes a datagram leave from local, in the form
// that the socket's family takes. dst needs controlSpace bytes of room, and its end must be aligned
// as Cmsghdr is.
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

// appendSegment appends the control data that makes the kernel send a message as segments of
// size bytes. dst is as for appendPacketInfo.
func appendSegment(dst []byte, size int) []byte {
	data := len(dst) + unix.CmsgLen(0)
	dst = appendControl(dst, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2)
	*(*uint16)(unsafe.Pointer(&dst[data])) = uint16(size)
	return dst
}

// appendControl appends a header and size zero bytes of data.
func appendControl(dst []byte, level, kind int32, size int) []byte {
	start := len(dst)
	dst = dst[:start+unix.CmsgSpace(size)]
	clear(dst[start:])
	h := (*unix.Cmsghdr)(unsafe.Pointer(&dst[start]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(size))
	return dst
}
