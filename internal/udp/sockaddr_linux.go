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
	errNoPeer = errors.New("a datagram needs an address to go to")
	errFamily = errors.New("an IPv4 socket cannot send to an IPv6 address")
)

// peer reads a socket address in place. IPv4 addresses come out plain, whatever the socket.
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

// putSockaddr writes ap into sa in the form that the socket's family takes and returns its length.
func (z *zones) putSockaddr(sa *unix.RawSockaddrInet6, ap netip.AddrPort, inet6 bool) (uint32,
	error) {
	if !ap.IsValid() {
		return 0, errNoPeer // the kernel would take it for this machine
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

// maxZones bounds how many interface names a socket remembers.
const maxZones = 256

// zones remembers the names of interfaces, so that a link-local peer costs no system call a
// datagram. A name given to another interface meanwhile is the wrong one until the socket closes.
type zones struct {
	mu     sync.Mutex
	byID   map[uint32]string
	byName map[string]uint32
}

// name is the interface's name, or its number in decimal, which is as good a zone.
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

// add is called with mu held.
func (z *zones) add(id uint32, name string) {
	if z.byID == nil || len(z.byID) >= maxZones {
		z.byID, z.byName = make(map[uint32]string), make(map[string]uint32)
	}
	z.byID[id], z.byName[name] = name, id
}
