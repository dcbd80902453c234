package udp

import (
	"os"

	"golang.org/x/sys/unix"
)

// The options of each family. With IP_PMTUDISC_PROBE (Linux 2.6.22), a datagram leaves unfragmented
// even if the kernel remembers a smaller path MTU from an ICMP message.
var (
	options4 = optionNames{
		option{unix.IPPROTO_IP, unix.IP_TOS},
		option{unix.IPPROTO_IP, unix.IP_TTL},
		option{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER}, unix.IP_PMTUDISC_PROBE,
	}
	options6 = optionNames{
		option{unix.IPPROTO_IPV6, unix.IPV6_TCLASS},
		option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS},
		option{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER}, unix.IPV6_PMTUDISC_PROBE,
	}
)

// bindInterface binds a socket to an interface (socket(7), SO_BINDTODEVICE). Before Linux 5.7, this
// needs CAP_NET_RAW.
func bindInterface(fd uintptr, _ bool, name string) error {
	return os.NewSyscallError("setsockopt",
		unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, name))
}
