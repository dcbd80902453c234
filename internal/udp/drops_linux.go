//go:build !ohce_portable

package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// drops turns the kernel's cumulative 32-bit counter of a socket into a 64-bit one.
type drops struct {
	last  uint32
	total uint64
}

// update takes a reading; the difference of two readings is right across one wrap.
func (d *drops) update(reading uint32) {
	d.total += uint64(reading - d.last)
	d.last = reading
}

// KernelDropped reads the socket's own drop counter (SO_MEMINFO, Linux 4.12), the one that
// SO_RXQ_OVFL reports with a datagram: asked for, it costs the datagrams nothing, and it is right
// also when no datagram follows.
func (c *udpConn) KernelDropped() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A kernel that does not know the option, or a closed socket, leaves the last value.
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
