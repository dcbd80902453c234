//go:build !ohce_portable

package udp

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWaitingReadersHoldNoBuffers checks that sockets wait for a datagram without buffers.
func TestWaitingReadersHoldNoBuffers(t *testing.T) {
	const readers = 200
	var l BufferPool
	read := make(chan string)
	for range readers {
		c := open4(t)
		closeInTime(t, c)
		from := client(t, c.LocalAddr())
		go func() {
			for {
				ms, err := c.ReadPooled(&l)
				if err != nil {
					return
				}
				text := string(ms[0].Buf)
				l.Put(ms)
				read <- text
			}
		}()
		send(t, from, "one")
		if got := <-read; got != "one" {
			t.Fatalf("got %q, want one", got)
		}
	}
	if n := len(l.free); n > 2 {
		t.Errorf("pool has %d sets, want at most 2 if one reader is active at a time", n)
	}
}

// TestReadPooledOfDiscardedDatagram removes a datagram between the wait and the read of ReadPooled,
// as the kernel does for a bad checksum. ReadPooled must return the buffers and wait again.
func TestReadPooledOfDiscardedDatagram(t *testing.T) {
	var l BufferPool
	c := open4(t)
	closeInTime(t, c)
	from := client(t, c.LocalAddr())
	send(t, from, "first")
	readPooledN(t, c, &l, 1)
	set := &l.free[0][0]
	l.mu.Lock()
	read := make(chan string)
	go func() {
		ms, err := c.ReadPooled(&l)
		if err != nil {
			read <- err.Error()
			return
		}
		read <- string(ms[0].Buf)
		l.Put(ms)
		close(read)
	}()
	send(t, from, "discarded")
	stacks := make([]byte, 1<<20)
	for begun := time.Now(); ; runtime.Gosched() {
		if bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("(*BufferPool).get")) {
			break
		}
		if time.Since(begun) > testTimeout {
			t.Fatal("ReadPooled did not request buffers")
		}
	}
	if err := c.(*udpConn).control(func(fd int) error {
		_, _, err := unix.Recvfrom(fd, make([]byte, 10), unix.MSG_DONTWAIT)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	l.mu.Unlock()
	send(t, from, "next")
	if got := <-read; got != "next" {
		t.Errorf("got %q, want next", got)
	}
	c.Close()
	<-read // closed after Put
	if len(l.free) != 1 || &l.free[0][0] != set {
		t.Error("ReadPooled did not return the buffers for the discarded datagram")
	}
}
