//go:build !ohce_portable

package udp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

var (
	errNoPeer = errors.New("missing destination address")
	errFamily = errors.New("an IPv4 socket cannot send to an IPv6 address")
)

// peer converts a socket address. It converts IPv4-mapped IPv6 addresses to IPv4.
func (z *zones) peer(sa *unix.RawSockaddrInet6) netip.AddrPort {
	port := ntohs(&sa.Port)
	if sa.Family == unix.AF_INET {
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), port)
	}
	addr := netip.AddrFrom16(sa.Addr).Unmap()
	if sa.Scope_id != 0 && addr.Is6() {
		addr = addr.WithZone(z.name(sa.Scope_id))
	}
	return netip.AddrPortFrom(addr, port)
}

// putSockaddr sets sa to ap, in the form for the socket's family, and returns its length.
func (z *zones) putSockaddr(sa *unix.RawSockaddrInet6, ap netip.AddrPort, inet6 bool) (uint32,
	error) {
	if !ap.IsValid() {
		return 0, errNoPeer // the kernel would send to the loopback address
	}
	if !inet6 {
		if !ap.Addr().Is4() {
			return 0, errFamily
		}
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		*sa4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ap.Addr().As4()}
		htons(&sa4.Port, ap.Port())
		return unix.SizeofSockaddrInet4, nil
	}
	*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ap.Addr().As16()}
	htons(&sa.Port, ap.Port())
	if zone := ap.Addr().Zone(); zone != "" {
		id, err := z.index(zone)
		if err != nil {
			return 0, err
		}
		sa.Scope_id = id
	}
	return unix.SizeofSockaddrInet6, nil
}

func ntohs(p *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:])
}

func htons(p *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], port)
}

// maxZones is the maximum number of interface names that a socket caches.
const maxZones = 256

// A zones caches the names of interfaces, so that a datagram of a link-local peer needs no system
// call. If an interface is renamed, the cached name remains in use.
type zones struct {
	mu     sync.Mutex
	byID   map[uint32]string
	byName map[string]uint32
}

// name returns the name of an interface. If there is none, it returns the index in decimal, which
// is a valid zone.
func (z *zones) name(id uint32) string {
	z.mu.Lock()
	defer z.mu.Unlock()
	if name, ok := z.byID[id]; ok {
		return name
	}
	name := strconv.FormatUint(uint64(id), 10)
	if ifc, err := net.InterfaceByIndex(int(id)); err == nil {
		name = ifc.Name
	}
	z.add(id, name)
	return name
}

func (z *zones) index(name string) (uint32, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if id, ok := z.byName[name]; ok {
		return id, nil
	}
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(id), nil
	}
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	z.add(uint32(ifc.Index), name)
	return uint32(ifc.Index), nil
}

// add adds a name to the cache, which it empties when full. It is called with mu held.
func (z *zones) add(id uint32, name string) {
	if z.byID == nil || len(z.byID) >= maxZones {
		z.byID, z.byName = make(map[uint32]string), make(map[string]uint32)
	}
	z.byID[id], z.byName[name] = name, id
}
