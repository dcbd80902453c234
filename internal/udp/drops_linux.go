//go:build !ohce_portable

package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// drops extends the kernel's cumulative 32-bit drop counter of a socket to 64 bits.
type drops struct {
	last  uint32
	total uint64
}

// update records a reading of the counter. Between two readings, the counter may wrap around once.
func (d *drops) update(reading uint32) {
	d.total += uint64(reading - d.last)
	d.last = reading
}

// KernelDropped reads the drop counter of the socket with SO_MEMINFO (Linux 4.12). SO_RXQ_OVFL
// would report the same counter with each datagram, which costs time for each, and does not report
// drops after the last one.
func (c *udpConn) KernelDropped() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	// An older kernel or a closed socket returns an error, and the last value remains.
	_ = c.control(func(fd int) error {
		reading, err := socketDrops(fd)
		if err == nil {
			c.drops.update(reading)
		}
		return err
	})
	return c.drops.total
}

func socketDrops(fd int) (uint32, error) {
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return 0, e
	}
	return info[unix.SK_MEMINFO_DROPS], nil
}
