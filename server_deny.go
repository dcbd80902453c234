package ohce

import (
	"errors"
	"net/netip"

	"github.com/ohce/ohce/guard"
)

// DenyInKernel makes the kernel drop the datagrams from sources in deny before it copies them to
// the server (Linux). This costs a fraction of the time of a guard. It applies to the sockets bound
// so far and to datagrams that arrive after the call. deny replaces the set of an earlier call; a
// nil or empty set ends the filter.
//
// The kernel counts these datagrams with the others that it drops, in ServerStats.KernelDropped. The
// guard still decides on all datagrams that the kernel delivers, so deny should also be in a
// guard.Prefixes.
//
// The kernel accepts a program of 4,096 instructions, which holds about 1,000 prefixes of up to 32
// bits, or 450 of up to 64 bits. If the set is larger, DenyInKernel returns an error. If the system
// has no socket filters, the error matches errors.ErrUnsupported. In both cases the kernel drops no
// sources.
//
// The filter belongs to the sockets. If a successor has inherited them, the filter remains until the
// successor calls DenyInKernel. It should do so after the predecessor has been released, or when it
// is certain to take over.
func (s *Server) DenyInKernel(deny *guard.PrefixSet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ErrServerClosed
	}
	err := s.denySources(deny.Prefixes())
	if err != nil {
		err = errors.Join(err, s.denySources(nil)) // on the sockets before the one that failed
	}
	return err
}

// denySources sets the filters of all sockets until one fails. It must be called with mu held.
func (s *Server) denySources(prefixes []netip.Prefix) error {
	for _, l := range s.listeners {
		for _, c := range l.conns {
			if err := c.DenySources(prefixes); err != nil {
				return &OpError{Op: "filter", Addr: l.addr.String(), Err: err}
			}
		}
	}
	return nil
}
