//go:build !ohce_portable

package udp

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// maxSegments is the number of datagrams that the kernel takes as segments of one message
// (UDP_MAX_SEGMENTS; 128 since Linux 6.9).
const maxSegments = 64

// maxSegmented is the size in bytes up to which the kernel takes segments: it first builds them as
// one datagram.
const maxSegmented = 65_507

// maxCoalesced is the size in bytes up to which the kernel returns datagrams as segments.
const maxCoalesced = 65_535

// An offload holds what a socket can do with segments. If the kernel refuses to send some, the
// limit falls; it never rises again.
type offload struct {
	receive bool         // UDP_GRO is on
	segment atomic.Int32 // the largest size of segments that can be sent; 0 if none can
}

// enable enables what the kernel has and can be trusted with.
func (o *offload) enable(fd int) {
	if featureGRO.probe() == nil {
		o.receive = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) == nil
	}
	if featureGSO.probe() == nil {
		o.segment.Store(maxSegmented / 2)
	}
}

// maxSegments returns how many datagrams of size bytes one message can hold.
func (o *offload) maxSegments(size int) int {
	if size == 0 || int32(size) > o.segment.Load() {
		return 1
	}
	return min(maxSegments, maxSegmented/size)
}

// refused notes that the kernel did not send segments of size bytes. EIO means that the device
// cannot compute their checksums, so none can be sent. EINVAL means that they are longer than the
// path allows, so shorter ones may be sent (udp_send_skb in net/ipv4/udp.c). Other errors are about
// the peer or the moment.
func (o *offload) refused(size int, err unix.Errno) {
	limit := int32(size) - 1
	switch err {
	case unix.EIO:
		limit = 0
	case unix.EINVAL:
	default:
		return
	}
	for {
		old := o.segment.Load()
		if old <= limit || o.segment.CompareAndSwap(old, limit) {
			return
		}
	}
}
