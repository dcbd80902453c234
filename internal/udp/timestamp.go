package udp

import "errors"

// ReportArrival makes s report when each datagram arrived in Message.Arrived. The error is
// errors.ErrUnsupported if the platform cannot.
func ReportArrival(s Socket) error {
	if c, ok := s.(interface{ reportArrival() error }); ok {
		return c.reportArrival()
	}
	return errors.ErrUnsupported
}
