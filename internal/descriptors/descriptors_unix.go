//go:build unix

package descriptors

import "syscall"

// reserved has the free descriptors if there are fewer than needed.
var reserved = reserve()

func reserve() (fds []int) {
	for range needed {
		fd, err := syscall.Open("/", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return fds
		}
		fds = append(fds, fd)
	}
	for _, fd := range fds {
		_ = syscall.Close(fd) // cannot fail: nothing was written
	}
	return nil
}

// Release makes the reserved descriptors available. It must be called when all packages have been
// initialized.
func Release() {
	for _, fd := range reserved {
		_ = syscall.Close(fd) // see reserve
	}
	reserved = nil
}
