//go:build !ohce_portable

package udp

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// runMost is how many datagrams the kernel takes as one (UDP_MAX_SEGMENTS; 128 since Linux 6.9).
const runMost = 64

// runBytes is the most that a run may hold in all: the kernel builds it as one datagram first.
const runBytes = 65_507

// readRun is the most that a run handed over by the kernel holds.
const readRun = 65_535

// offload is what a socket can do with runs of datagrams. What it can do to send them falls when a
// run is refused, and does not rise again.
type offload struct {
	receive bool         // UDP_GRO is on
	segment atomic.Int32 // the largest datagrams that runs are made of; 0 for none
}

// begin turns on what the kernel has and can be trusted with.
func (o *offload) begin(fd int) {
	if featureGRO.probe() == nil {
		o.receive = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) == nil
	}
	if featureGSO.probe() == nil {
		o.segment.Store(runBytes / 2)
	}
}

// run is how many datagrams of size bytes one message may hold.
func (o *offload) run(size int) int {
	if size == 0 || int32(size) > o.segment.Load() {
		return 1
	}
	return min(runMost, runBytes/size)
}

// refused takes note of a run of datagrams of size bytes that the kernel did not send. EIO means a
// device that cannot compute their checksums, so that no run can be sent; EINVAL, datagrams longer
// than the path takes, so that shorter ones may fare better (udp_send_skb in net/ipv4/udp.c). Other
// errors are the peer's or the moment's.
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
