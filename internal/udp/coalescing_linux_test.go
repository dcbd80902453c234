//go:build !ohce_portable

package udp

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A socket that reads datagrams separately counts each that the kernel drops, although they were
// sent as segments.
func TestSeparate(t *testing.T) {
	server := open4(t)
	client := connect(t, server.LocalAddr().String())
	if client.MaxSegments(1) < 64 {
		t.Skip("the kernel does not send segments")
	}
	if err := Separate(server); err != nil {
		t.Fatal(err)
	}
	if n := server.MinReadBuffer(); n != 0 {
		t.Errorf("MinReadBuffer is %d, want 0", n)
	}
	if err := server.(*udpConn).control(func(sock int) error {
		return unix.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_RCVBUF, 1) // the kernel's minimum
	}); err != nil {
		t.Fatal(err)
	}
	segments := Message{Buf: make([]byte, 64*1000), Segment: 1000}
	if n, err := client.Write([]Message{segments}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	ms := makeMessages(64, 1<<16)
	n, err := server.Read(ms)
	if err != nil {
		t.Fatal(err)
	}
	// On loopback, all segments have arrived when Write returns.
	if dropped := server.KernelDropped(); n+int(dropped) != 64 || ms[0].Segment != 0 {
		t.Errorf("read %d messages and %d were dropped, want 64 together", n, dropped)
	}
}
