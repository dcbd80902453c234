//go:build !ohce_portable

package udp

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// rejectAll is a filter that accepts 0 bytes of each datagram, so that the kernel drops it.
var rejectAll = []unix.SockFilter{instruction(opReturn, rejected)}

// attach makes the kernel pass each later datagram of the socket through a program of classic BPF
// (socket(7), SO_ATTACH_FILTER, Linux 2.2). Queued datagrams remain. The program replaces the one
// attached before. If attach fails, no program is attached.
func attach(sock int, program []unix.SockFilter) error {
	if len(program) > maxInstructions {
		return errors.Join(fmt.Errorf("the filter needs %d instructions, and the kernel accepts %d",
			len(program), maxInstructions), detach(sock))
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	set := func() error {
		return unix.SetsockoptSockFprog(sock, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog)
	}
	if set() == nil {
		return nil
	}
	// The former program counts for the limit of memory until it is removed.
	if err := detach(sock); err != nil {
		return err
	}
	err := set()
	if errors.Is(err, unix.ENOMEM) {
		return fmt.Errorf("a filter of %d instructions exceeds the sysctl net.core.optmem_max: %w",
			len(program), err)
	}
	return err
}

// detach removes the program of the socket, if there is one.
func detach(sock int) error {
	err := unix.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// setFilter attaches a program, or detaches the present one if program is nil.
func (c *udpConn) setFilter(program []unix.SockFilter) error {
	return c.control(func(sock int) error {
		if program == nil {
			return detach(sock)
		}
		return attach(sock, program)
	})
}
