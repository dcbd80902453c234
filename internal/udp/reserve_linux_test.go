package udp

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestInReserve opens sockets until one is in the reserve, and checks how many more can be opened.
func TestInReserve(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	limit := unix.Rlimit{Cur: 200, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip("cannot set the limit of descriptors: ", err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	free := 0
	for {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			break
		}
		defer c.Close()
		if InReserve(c) {
			free++
		} else if free > 0 {
			t.Error("a socket after the first one in the reserve is not in it")
		}
	}
	if free != 50 {
		t.Errorf("%d descriptors in the reserve, want a quarter of 200", free)
	}
}
