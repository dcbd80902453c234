//go:build !ohce_portable

package udp

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// maxSegments is the maximum number of segments in one message sent (UDP_MAX_SEGMENTS, which is 128
// since Linux 6.9).
const maxSegments = 64

// maxSegmented is the maximum total size of the segments in one message sent, in bytes. The kernel
// first builds them as one datagram.
const maxSegmented = 65_507

// maxCoalesced is the maximum total size of the segments in one message received, in bytes.
const maxCoalesced = 65_535

// An offload holds the limits of a socket for segments. If the kernel refuses to send segments, the
// limit is lowered. It is never raised again.
type offload struct {
	receive bool         // UDP_GRO is on
	segment atomic.Int32 // maximum segment size for sending; 0 if the kernel takes no segments
}

// enable turns on the features that the kernel has without known defects.
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

// refused records that the kernel refused to send segments of size bytes with err, and lowers the
// limit (see udp_send_skb in net/ipv4/udp.c). EIO means that the device cannot compute their
// checksums, so the limit becomes 0. EINVAL means that they exceed the MTU of the path, so shorter
// segments are still possible. Other errors do not concern segments.
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
