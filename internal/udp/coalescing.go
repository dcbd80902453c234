package udp

// Separate makes s read each datagram as a message of its own: the kernel then does not return
// datagrams as segments, and KernelDropped counts each. It must be called before the first read. It
// has no effect on a socket that does not receive segments.
func Separate(s Socket) error {
	if c, ok := s.(interface{ separate() error }); ok {
		return c.separate()
	}
	return nil
}
