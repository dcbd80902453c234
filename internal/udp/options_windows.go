package udp

import (
	"math/bits"
	"net"
	"os"

	"golang.org/x/sys/windows"
)

// Names that package windows lacks (ws2ipdef.h).
const (
	pmtudiscProbe = 3  // IP_PMTUDISC_PROBE, Windows 10 version 1803
	unicastIf     = 31 // IP_UNICAST_IF and IPV6_UNICAST_IF
)

// The options of each family. Windows sets the DSCP by policies (qWAVE) and ignores IP_TOS.
var (
	options4 = optionNames{
		option{},
		option{windows.IPPROTO_IP, windows.IP_TTL},
		option{windows.IPPROTO_IP, windows.IP_MTU_DISCOVER}, pmtudiscProbe,
	}
	options6 = optionNames{
		option{},
		option{windows.IPPROTO_IPV6, windows.IPV6_UNICAST_HOPS},
		option{windows.IPPROTO_IPV6, windows.IPV6_MTU_DISCOVER}, pmtudiscProbe,
	}
)

// bindInterface makes datagrams leave through an interface. For IPv4, the option takes the index in
// network byte order.
func bindInterface(fd uintptr, inet6 bool, name string) error {
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	if inet6 {
		return setOption(fd, option{windows.IPPROTO_IPV6, unicastIf}, ifc.Index)
	}
	index := int(int32(bits.ReverseBytes32(uint32(ifc.Index))))
	return setOption(fd, option{windows.IPPROTO_IP, unicastIf}, index)
}

func setsockopt(fd uintptr, o option, value int) error {
	return os.NewSyscallError("setsockopt",
		windows.SetsockoptInt(windows.Handle(fd), o.level, o.name, value))
}
