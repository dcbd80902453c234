package ohce

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// streamSockets holds the sockets of a stream.
type streamSockets struct {
	c       *Client
	ctx     context.Context // for dials
	cancel  context.CancelFunc
	inbox   *inbox
	byPort  map[exchange.Port]*streamSocket
	observe func(exchange.Event) // for late readers
	work    sync.WaitGroup       // dials and readers

	transmitter transmitter
}

// A streamSocket is a socket of a stream.
type streamSocket struct {
	conn    net.Conn
	batch   udp.Socket        // wraps conn if requests share it; otherwise nil
	request *exchange.Request // the only request, if there is no matcher

	mu   sync.Mutex
	late *lateReader // non-nil once the socket is retired
}

func (ss *streamSockets) init(ctx context.Context, c *Client, in *inbox) {
	ss.c, ss.inbox, ss.byPort = c, in, make(map[exchange.Port]*streamSocket)
	ss.transmitter.ordered = c.OpenLoop
	ss.observe = c.observer()
	ss.ctx, ss.cancel = context.WithCancel(ctx)
}

// apply closes and opens sockets and sends requests as step requires.
func (ss *streamSockets) apply(m *exchange.Machine, step exchange.Step) {
	for _, port := range step.Close {
		ss.retire(port)
	}
	for _, port := range step.Open {
		ss.work.Go(func() { ss.dial(port) }) // closeAll cancels the dial and waits for it
	}
	ss.send(m, step.Send)
}

// dial opens the socket of a port and reports the result to the inbox.
func (ss *streamSockets) dial(port exchange.Port) {
	conn, err := ss.c.dial(ss.ctx)
	a := arrival{port: port, at: time.Now(), opened: conn, dialed: true, err: err}
	if !ss.inbox.report(a) && conn != nil {
		ss.c.quarantine.close(conn)
	}
}

// opened takes over a socket that dial has opened and starts its reader.
func (ss *streamSockets) opened(m *exchange.Machine, port exchange.Port, at time.Time, conn net.Conn) {
	socket := &streamSocket{conn: conn}
	if m.Shared(port) {
		var err error
		if socket.batch, err = udp.Connect(conn); err != nil {
			conn.Close()
			m.Failed(at, port, err, false)
			return
		}
		if ss.c.OpenLoop {
			_ = udp.ReportArrival(socket.batch) // without it, Response.ReceiveDelay is 0
		}
	}
	ss.byPort[port] = socket
	m.Opened(port, ss.c.socketOf(conn))
	ss.work.Go(func() { // ends when the socket is closed or retired; closeAll waits
		if socket.batch != nil {
			ss.readBatches(port, socket.batch)
		} else {
			ss.read(port, socket)
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
			a := arrival{port: port, at: at, truncated: m.Truncated}
			if m.Arrived > 0 {
				a.delay = max(at.Sub(time.Unix(0, m.Arrived)), 0)
			}
			for data := range m.Datagrams() {
				ss.inbox.add(a, data)
			}
		}
		ss.inbox.unlock()
	}
}

// read reads a socket that is not shared until the socket is closed or retired. If it is retired,
// read passes it to its late reader.
func (ss *streamSockets) read(port exchange.Port, socket *streamSocket) {
	buf := ss.c.buffer()
	var failures udp.Backoff
	for {
		n, err := socket.conn.Read(*buf)
		at := time.Now()
		if late := socket.lateReader(buf); late != nil {
			if err == nil {
				late.count((*buf)[:n])
			}
			late.start()
			return
		}
		switch {
		case err != nil && !udp.TooLong(err):
			if ss.readFailed(port, at, err, &failures) {
				continue
			}
		case ss.inbox.lock():
			failures.Reset()
			ss.inbox.add(arrival{port: port, at: at, truncated: err != nil || n == len(*buf)}, (*buf)[:n])
			ss.inbox.unlock()
			continue
		}
		// The stream is ending or the socket has failed. The socket may have been retired in the
		// meantime.
		if late := socket.lateReader(buf); late != nil {
			late.start()
			return
		}
		ss.c.buffers.Put(buf)
		return
	}
}

// readFailed reports a failed read to the inbox and returns false if the socket can no longer be
// read. After repeated failures it waits before it returns.
func (ss *streamSockets) readFailed(port exchange.Port, at time.Time, err error,
	failures *udp.Backoff) bool {
	if errors.Is(err, net.ErrClosed) {
		return false // the stream closed the socket
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

// retire passes a socket whose request has ended to its late reader, which counts late responses
// and closes it. If Client.Linger is negative, retire closes the socket at once.
func (ss *streamSockets) retire(port exchange.Port) {
	socket := ss.byPort[port]
	if socket == nil {
		return
	}
	if ss.c.Linger < 0 {
		ss.close(port)
		return
	}
	delete(ss.byPort, port)
	ss.countDropped(socket)
	late := &lateReader{c: ss.c, conn: socket.conn, observe: ss.observe}
	if socket.request != nil {
		late.request = lateCopy(socket.request)
	} else { // no request was sent, or the requests belong to the caller again
		late.request = exchange.Request{Port: port, Socket: ss.c.socketOf(socket.conn)}
	}
	socket.mu.Lock()
	defer socket.mu.Unlock()
	socket.late = late
	socket.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
}

// lateReader returns the late reader of a retired socket and gives it buf. It returns nil if the
// socket is not retired.
func (socket *streamSocket) lateReader(buf *[]byte) *lateReader {
	socket.mu.Lock()
	defer socket.mu.Unlock()
	if socket.late != nil {
		socket.late.buf = buf
	}
	return socket.late
}

// close closes the socket of a port.
func (ss *streamSockets) close(port exchange.Port) {
	if socket := ss.byPort[port]; socket != nil {
		delete(ss.byPort, port)
		ss.countDropped(socket)
		ss.c.quarantine.close(socket.conn)
	}
}

// countDropped adds the datagrams that the kernel dropped at a shared socket to those of the client.
func (ss *streamSockets) countDropped(socket *streamSocket) {
	if socket.batch != nil {
		ss.c.kernelDropped.Add(socket.batch.KernelDropped())
	}
}

// closeAll closes all sockets and waits for the dials and readers. arrived holds the arrivals that
// the stream took from the inbox. If a panic interrupted the stream, some of them have not been
// handled.
func (ss *streamSockets) closeAll(arrived []arrival) {
	ss.cancel()
	for _, a := range slices.Concat(arrived, ss.inbox.close().list) {
		if a.opened != nil {
			ss.c.quarantine.close(a.opened)
		}
	}
	for port := range ss.byPort {
		ss.close(port)
	}
	ss.work.Wait()
}

// outOfSockets reports whether err means that the system has no free descriptors or ports.
func outOfSockets(err error) bool {
	switch udp.Name(err) {
	case "EMFILE", "ENFILE", "EAGAIN", "EADDRNOTAVAIL":
		return true
	default:
		return false
	}
}
