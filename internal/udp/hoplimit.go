package udp

import "errors"

// ReportHopLimit makes s report the hop limit of each datagram in Message.HopLimit. The error is
// errors.ErrUnsupported if the platform cannot.
func ReportHopLimit(s Socket) error {
	if h, ok := s.(hopLimiter); ok {
		return h.reportHopLimit()
	}
	return errors.ErrUnsupported
}

// SetHopLimit sets the hop limit of the datagrams that s sends, from 1 to 255. The error is
// errors.ErrUnsupported if the platform cannot.
func SetHopLimit(s Socket, hops int) error {
	if h, ok := s.(hopLimiter); ok {
		return h.setHopLimit(hops)
	}
	return errors.ErrUnsupported
}

type hopLimiter interface {
	reportHopLimit() error
	setHopLimit(hops int) error
}
