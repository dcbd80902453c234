package sandbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// TestSyscallNames checks that the library knows the names of all allowed calls, apart from those
// that an architecture lacks. It would leave out an unknown name.
func TestSyscallNames(t *testing.T) {
	for name, lacking := range map[string]string{
		"amd64": "fstatat",
		"arm64": "access arch_prctl chmod dup2 epoll_create epoll_wait eventfd getdents getpgrp lstat " +
			"newfstatat open pipe poll readlink rename select stat time unlink",
	} {
		info, err := arch.GetInfo(name)
		if err != nil {
			t.Fatal(err)
		}
		var unknown []string
		for _, call := range allowedSyscalls {
			if _, ok := info.SyscallNames[call]; !ok {
				unknown = append(unknown, call)
			}
		}
		slices.Sort(unknown)
		if got := strings.Join(unknown, " "); got != lacking {
			t.Errorf("%s lacks %s, want %s", name, got, lacking)
		}
	}
}
