package udp

import "golang.org/x/sys/unix"

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

// bindInterface fails, because FreeBSD chooses the interface by the route alone.
func bindInterface(uintptr, bool, string) error { return unsupported() }
