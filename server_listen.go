package ohce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/ohce/ohce/internal/udp"
)

// A listener is a bound address and its sockets.
type listener struct {
	addr  netip.AddrPort
	conns []udp.Socket
}

func (l listener) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// Listen binds an address, written as in Addr. After it returns, the kernel queues datagrams that
// arrive at the address. Listen may be called several times before Serve. The error is an *OpError,
// which wraps ErrAddrInUse if another socket is bound to the address. To release the addresses
// without serving, call Close.
func (s *Server) Listen(addr string) error {
	addr = cmp.Or(addr, DefaultAddr)
	s.mu.Lock()
	err := s.checkListen(addr)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	conns, bound, err := udp.Listen(context.Background(), addr, max(s.Shards, 1))
	if err != nil {
		return &OpError{Op: "listen", Addr: addr, Err: listenReason(err)}
	}
	return s.addListeners(listener{bound, conns})
}

// Addrs returns the addresses that the server is bound to, in the order of binding.
func (s *Server) Addrs() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs()
}

// addrs returns the bound addresses. It must be called with mu held.
func (s *Server) addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.addr
	}
	return addrs
}

// checkListen returns an error if the server cannot bind addr. It must be called with mu held.
func (s *Server) checkListen(addr string) error {
	switch {
	case s.closing:
		return ErrServerClosed
	case s.serving:
		return &OpError{Op: "listen", Addr: addr, Err: errServing}
	case s.Shards < 0:
		return fmt.Errorf("ohce: Server.Shards is %d, want at least 0", s.Shards)
	default:
		return nil
	}
}

// addListeners takes over the sockets of ls. On error, it closes them.
func (s *Server) addListeners(ls ...listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range ls {
		if err := s.checkListen(l.addr.String()); err != nil {
			for _, l := range ls {
				l.close()
			}
			return err
		}
	}
	s.listeners = append(s.listeners, ls...)
	return nil
}

// Adopt takes over existing sockets, for example those that the process has inherited from its
// predecessor. Their addresses must be IP addresses with ports. Sockets with the same address are
// shards of it. Adopt may be called several times before Serve. If it fails, it closes conns.
func (s *Server) Adopt(conns ...net.PacketConn) error {
	var ls []listener
	for i, pc := range conns {
		c, err := udp.New(pc)
		if err != nil {
			for _, l := range ls {
				l.close()
			}
			for _, pc := range conns[i:] {
				pc.Close()
			}
			return &OpError{Op: "adopt", Addr: fmt.Sprint(pc.LocalAddr()), Err: err}
		}
		same := func(l listener) bool { return l.addr == c.LocalAddr() }
		if k := slices.IndexFunc(ls, same); k >= 0 {
			ls[k].conns = append(ls[k].conns, c)
			continue
		}
		ls = append(ls, listener{c.LocalAddr(), []udp.Socket{c}})
	}
	return s.addListeners(ls...)
}

// Files returns a duplicate of each socket that the server is bound to, in the order of Addrs. A
// successor process that inherits them serves the same addresses with the same queues. There are
// several for an address with several shards. The caller must close the files. If a socket has no
// descriptor, as on an in-memory network, errors.Is reports errors.ErrUnsupported.
func (s *Server) Files() ([]*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, ErrServerClosed
	}
	var files []*os.File
	for _, l := range s.listeners {
		for _, c := range l.conns {
			f, err := c.File()
			if err != nil {
				for _, f := range files {
					f.Close()
				}
				return nil, &OpError{Op: "duplicate", Addr: l.addr.String(), Err: err}
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// listenReason returns err without its operation and address, which OpError adds.
func listenReason(err error) error {
	var op *net.OpError
	var address *net.AddrError
	switch {
	case udp.Taken(err):
		return briefError{ErrAddrInUse.Error(), []error{ErrAddrInUse, err}}
	case errors.As(err, &op):
		return briefError{op.Err.Error(), []error{err}}
	case errors.As(err, &address):
		return briefError{address.Err, []error{err}}
	default:
		return err
	}
}

// A briefError wraps errors under a shorter text.
type briefError struct {
	text string
	errs []error
}

func (e briefError) Error() string   { return e.text }
func (e briefError) Unwrap() []error { return e.errs }
