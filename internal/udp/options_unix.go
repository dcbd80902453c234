//go:build unix

package udp

import (
	"os"

	"golang.org/x/sys/unix"
)

func setsockopt(fd uintptr, o option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), o.level, o.name, value))
}
