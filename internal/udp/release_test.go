package udp

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

// TestRelease checks that Release unblocks Read and ends reading although datagrams are queued, and
// that Write still works.
func TestRelease(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		cl := client(t, to)
		started, result := make(chan struct{}), make(chan error, 1)
		go func() {
			close(started)
			_, err := c.Read(makeMessages(4, 16))
			result <- err
		}()
		<-started // Release must unblock Read, whether Read has blocked yet or not
		if err := c.Release(); err != nil {
			t.Fatal(err)
		}
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read = %v, want net.ErrClosed", err)
		}
		sendNumbers(t, cl, 0, 5)
		if n, err := c.Read(makeMessages(4, 16)); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read after Release = %d, %v, want net.ErrClosed", n, err)
		}
		var pool BufferPool
		if _, err := c.ReadPooled(&pool); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadPooled after Release = %v, want net.ErrClosed", err)
		}
		if _, err := c.Write([]Message{{Buf: []byte("bye"), Peer: localAddr(cl), Local: to.Addr()}}); err != nil {
			t.Errorf("Write after Release = %v, want no error", err)
		}
		if got := receive(t, cl); got != "bye" {
			t.Errorf("received %q, want bye", got)
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close after Release = %v, want no error", err)
		}
		if err := c.Release(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Release after Close = %v, want net.ErrClosed", err)
		}
	})
}

func TestReleaseDuringPolling(t *testing.T) {
	c := open4(t)
	c.BusyPoll(testTimeout)
	result := make(chan error, 1)
	go func() {
		_, err := c.Read(makeMessages(4, 16))
		result <- err
	}()
	if err := c.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read = %v, want net.ErrClosed", err)
	}
}
