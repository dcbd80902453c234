package ohce

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// streamSockets are the sockets of a stream, by the port number of its machine.
type streamSockets struct {
	c      *Client
	ctx    context.Context // of dials
	cancel context.CancelFunc
	inbox  *inbox
	byPort map[exchange.Port]*streamSocket
	work   sync.WaitGroup // dials and readers

	transmitter transmitter
}

// A streamSocket is a socket of a stream.
type streamSocket struct {
	conn    net.Conn
	batch   udp.Socket        // of conn, if requests share it; otherwise nil
	request *exchange.Request // the one that was sent last, if they do not

	mu      sync.Mutex
	retired *exchange.Request // a lateCopy, once the reader is to count late responses only
}

func (ss *streamSockets) init(ctx context.Context, c *Client, in *inbox) {
	ss.c, ss.inbox, ss.byPort = c, in, make(map[exchange.Port]*streamSocket)
	ss.ctx, ss.cancel = context.WithCancel(ctx)
}

// carryOut does what a step of the machine asks for.
func (ss *streamSockets) carryOut(m *exchange.Machine, step exchange.Step) {
	for _, port := range step.Close {
		ss.retire(port)
	}
	for _, port := range step.Open {
		ss.work.Go(func() { ss.dial(port) }) // ends with the dial, which cancel ends
	}
	ss.send(m, step.Send)
}

// dial opens the socket of a port and reports the result.
func (ss *streamSockets) dial(port exchange.Port) {
	conn, err := ss.c.dial(ss.ctx)
	a := arrival{port: port, at: time.Now(), opened: conn, dialed: true, err: err}
	if !ss.inbox.report(a) && conn != nil {
		ss.c.quarantine.close(conn)
	}
}

// opened takes over a socket that has been opened and starts its reader.
func (ss *streamSockets) opened(m *exchange.Machine, a *arrival) {
	k := &streamSocket{conn: a.opened}
	if m.Shared(a.port) {
		var err error
		if k.batch, err = udp.Connect(a.opened); err != nil {
			a.opened.Close()
			m.Failed(a.at, a.port, err, false)
			return
		}
	}
	port := a.port // a is valid during this call only
	ss.byPort[port] = k
	m.Opened(port, ss.c.socketOf(k.conn))
	ss.work.Go(func() { // ends when the socket is closed or retired
		if k.batch != nil {
			ss.readBatches(port, k.batch)
		} else {
			ss.read(port, k)
		}
	})
}

// readBatches reads a shared socket until it is closed.
func (ss *streamSockets) readBatches(port exchange.Port, conn udp.Socket) {
	ms := make([]udp.Message, conn.Width())
	size := max(ss.c.bufferSize(), conn.MinReadBuffer())
	bufs := make([]byte, len(ms)*size)
	for i := range ms {
		ms[i].Buf = bufs[i*size : (i+1)*size : (i+1)*size]
	}
	var failures udp.Backoff
	for {
		n, err := conn.Read(ms)
		at := time.Now()
		if err != nil {
			if !ss.readFailed(port, at, err, &failures) {
				return
			}
			continue
		}
		failures.Reset()
		if !ss.inbox.lock() {
			return
		}
		for i := range ms[:n] {
			m := &ms[i]
			for data := range m.Datagrams() {
				ss.inbox.add(port, at, data, m.Truncated)
			}
		}
		ss.inbox.unlock()
	}
}

// read reads a socket that is not shared until it is closed or retired.
func (ss *streamSockets) read(port exchange.Port, k *streamSocket) {
	buf := ss.c.buffer()
	var failures udp.Backoff
	for {
		n, err := k.conn.Read(*buf)
		at := time.Now()
		if r := k.isRetired(); r != nil {
			late := &lateReader{c: ss.c, conn: k.conn, buf: buf, request: *r}
			if err == nil {
				late.count((*buf)[:n])
			}
			late.start()
			return
		}
		if err != nil && !udp.TooLong(err) {
			if !ss.readFailed(port, at, err, &failures) {
				ss.c.buffers.Put(buf)
				return
			}
			continue
		}
		failures.Reset()
		if !ss.inbox.lock() {
			ss.c.buffers.Put(buf)
			return
		}
		ss.inbox.add(port, at, (*buf)[:n], err != nil || n == len(*buf))
		ss.inbox.unlock()
	}
}

// readFailed reports a failed read, and returns false if the socket cannot be read any more. After
// many failures in a row it waits.
func (ss *streamSockets) readFailed(port exchange.Port, at time.Time, err error,
	failures *udp.Backoff) bool {
	if errors.Is(err, net.ErrClosed) {
		return false // close has been called
	}
	if !ss.inbox.report(arrival{port: port, at: at, err: err}) || !udp.Refused(err) && !isTransient(err) {
		return false
	}
	if wait := failures.Failed(); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ss.ctx.Done():
		}
	}
	return true
}

// isTransient reports whether a socket can still be read after err.
func isTransient(err error) bool { return !errors.Is(err, net.ErrClosed) && udp.Transient(err) }

// retire passes a socket whose request has ended to its reader, which counts late responses and closes
// it, or closes it at once if the client does not want that.
func (ss *streamSockets) retire(port exchange.Port) {
	k := ss.byPort[port]
	if k == nil {
		return
	}
	if ss.c.Linger < 0 {
		ss.close(port)
		return
	}
	delete(ss.byPort, port)
	if k.request == nil { // its request was too long to be sent
		k.request = &exchange.Request{Port: port}
	}
	late := lateCopy(k.request)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.retired = &late
	k.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
}

func (k *streamSocket) isRetired() *exchange.Request {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.retired
}

// close closes the socket of a port.
func (ss *streamSockets) close(port exchange.Port) {
	if k := ss.byPort[port]; k != nil {
		delete(ss.byPort, port)
		ss.c.quarantine.close(k.conn)
	}
}

// closeAll closes all sockets and waits for dials and readers.
func (ss *streamSockets) closeAll() {
	ss.cancel()
	for _, a := range ss.inbox.close().list {
		if a.opened != nil {
			ss.c.quarantine.close(a.opened)
		}
	}
	for port := range ss.byPort {
		ss.close(port)
	}
	ss.work.Wait()
}

// outOfSockets reports whether err means that there are no more descriptors or ports.
func outOfSockets(err error) bool {
	switch udp.Name(err) {
	case "EMFILE", "ENFILE", "EAGAIN", "EADDRNOTAVAIL":
		return true
	default:
		return false
	}
}
