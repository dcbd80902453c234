package udp

import "golang.org/x/sys/unix"

// reportErrors makes reads and writes of a socket that is not connected return the errors of ICMP
// messages (ip(7), IP_RECVERR). The socket also queues the messages, up to the size of its receive
// buffer, until it is closed.
func reportErrors(fd uintptr, inet6 bool) error {
	if inet6 {
		return setOption(fd, option{unix.IPPROTO_IPV6, unix.IPV6_RECVERR}, 1)
	}
	return setOption(fd, option{unix.IPPROTO_IP, unix.IP_RECVERR}, 1)
}
