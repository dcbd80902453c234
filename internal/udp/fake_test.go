package udp

import (
	"net"
	"os"
	"sync"
	"time"
)

// A fake is a net.PacketConn other than *net.UDPConn. Like a socket, it fails a read after the
// deadline even if a datagram is queued.
type fake struct {
	local  net.Addr
	queue  chan packet
	closed chan struct{}

	mu      sync.Mutex
	limit   time.Time
	changed chan struct{} // closed when limit changes
	sent    []packet
	fail    error // the result of the next write, if non-nil
}

type packet struct {
	data string
	addr net.Addr
	err  error
}

// A textAddr is a net.Addr that has only a text form.
type textAddr string

func (textAddr) Network() string  { return "fake" }
func (a textAddr) String() string { return string(a) }

func newFake(local net.Addr, queued ...packet) *fake {
	f := &fake{local: local, queue: make(chan packet, 1024), closed: make(chan struct{}),
		changed: make(chan struct{})}
	for _, p := range queued {
		f.queue <- p
	}
	return f
}

func (f *fake) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		f.mu.Lock()
		limit, changed := f.limit, f.changed
		f.mu.Unlock()
		var over <-chan time.Time
		if !limit.IsZero() {
			if time.Until(limit) <= 0 {
				return 0, nil, os.ErrDeadlineExceeded
			}
			timer := time.NewTimer(time.Until(limit))
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-f.closed:
			return 0, nil, net.ErrClosed
		default:
		}
		select {
		case p := <-f.queue:
			return copy(b, p.data), p.addr, p.err
		case <-f.closed:
		case <-changed:
		case <-over:
		}
	}
}

func (f *fake) WriteTo(b []byte, addr net.Addr) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fail; err != nil {
		f.fail = nil
		return 0, err
	}
	f.sent = append(f.sent, packet{data: string(b), addr: addr})
	return len(b), nil
}

func (f *fake) SetReadDeadline(t time.Time) error {
	select {
	case <-f.closed:
		return net.ErrClosed
	default:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = t
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}

func (f *fake) Close() error                     { close(f.closed); return nil }
func (f *fake) LocalAddr() net.Addr              { return f.local }
func (f *fake) SetDeadline(t time.Time) error    { return f.SetReadDeadline(t) }
func (f *fake) SetWriteDeadline(time.Time) error { return nil }
