//go:build unix

package cli

import (
	"errors"
	"syscall"
)

// canOpen reports whether the process can open n more file descriptors. It bypasses package os, which
// would start the poller of the Go runtime.
func canOpen(n int) bool {
	for range n {
		fd, err := syscall.Open("/", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return !isDescriptorLimit(err) // any other error has a cause other than the limit
		}
		defer syscall.Close(fd)
	}
	return true
}

// isDescriptorLimit reports whether err says that the process has too many open files.
func isDescriptorLimit(err error) bool { return errors.Is(err, syscall.EMFILE) }
