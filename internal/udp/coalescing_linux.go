//go:build !ohce_portable

package udp

import "golang.org/x/sys/unix"

// separate turns UDP_GRO off.
func (c *udpConn) separate() error {
	if !c.offload.receive {
		return nil
	}
	err := c.control(func(sock int) error {
		return unix.SetsockoptInt(sock, unix.IPPROTO_UDP, unix.UDP_GRO, 0)
	})
	c.offload.receive = err != nil
	return err
}
