//go:build !ohce_portable

package udp

import "golang.org/x/sys/unix"

// reportArrival uses SO_TIMESTAMPNS (Linux 2.6.22), which is the software time stamp of
// SO_TIMESTAMPING without the others.
func (c *udpConn) reportArrival() error {
	err := c.control(func(sock int) error {
		return unix.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	c.timestamps = err == nil
	return err
}
