package udp

import (
	"net"

	"golang.org/x/sys/unix"
)

// The options of each family.
var (
	options4 = optionNames{
		option{unix.IPPROTO_IP, unix.IP_TOS},
		option{unix.IPPROTO_IP, unix.IP_TTL},
		option{unix.IPPROTO_IP, unix.IP_DONTFRAG}, 1,
	}
	options6 = optionNames{
		option{unix.IPPROTO_IPV6, unix.IPV6_TCLASS},
		option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS},
		option{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG}, 1,
	}
)

// bindInterface binds a socket to an interface by its index (IP_BOUND_IF, IPV6_BOUND_IF).
func bindInterface(fd uintptr, inet6 bool, name string) error {
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	if inet6 {
		return setOption(fd, option{unix.IPPROTO_IPV6, unix.IPV6_BOUND_IF}, ifc.Index)
	}
	return setOption(fd, option{unix.IPPROTO_IP, unix.IP_BOUND_IF}, ifc.Index)
}
