//go:build !ohce_portable

package udp

import "testing"

// The runtime's poller watches no socket of a receiver. The sockets can still send.
func TestReceiverLeavesPoller(t *testing.T) {
	sockets, _ := echoSockets(t, 2)
	for _, s := range sockets {
		if s.(*udpConn).desc.Load().epoll != nil {
			t.Fatal("a new socket is not watched by the poller itself")
		}
	}
	newTestReceiver(t, sockets)
	for i, s := range sockets {
		if d := s.(*udpConn).desc.Load(); d.epoll == nil || d.epoll.registered {
			t.Errorf("the poller watches socket %d", i)
		}
		if n, err := s.Write([]Message{{Buf: []byte("x")}}); n != 1 || err != nil {
			t.Errorf("socket %d: Write = %d, %v", i, n, err)
		}
	}
}
