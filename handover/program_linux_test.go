package handover

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStartLeavesSocketsNonBlocking checks that a socket that is passed to a program stays in
// non-blocking mode. A read of package net on a blocking socket would never end.
func TestStartLeavesSocketsNonBlocking(t *testing.T) {
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	f, err := pc.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process, err := startProcess(self, []string{self, "-test.run=^$"}, os.Environ(),
		[]*os.File{os.Stdin, os.Stderr, os.Stderr, f})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Wait()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("the socket has the flags %#x, %v; want O_NONBLOCK", flags, err)
		}
	})
}
