package udp

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ipv6MinMTU is the smallest MTU of a link with IPv6 (RFC 8200, section 5).
const ipv6MinMTU = 1280

// DialPath returns a PathSocket that is connected to addr. It sets the options o, except for
// DontFragment, which f replaces.
func DialPath(ctx context.Context, o Options, addr string, f Fragmentation) (PathSocket, error) {
	o.DontFragment = f == DontFragment
	c, err := o.Dial(ctx, "udp", addr)
	if err != nil {
		return nil, err
	}
	s := &pathSocket{conn: c, remote: c.RemoteAddr().(*net.UDPAddr).AddrPort()}
	s.inet6 = s.remote.Addr().Unmap().Is6()
	if s.rc, err = c.SyscallConn(); err == nil {
		err = s.prepare(f)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return s, nil
}

// A pathSocket implements PathSocket by the error queue of the socket (ip(7), IP_RECVERR) and by the
// size of fragments (IP_RECVFRAGSIZE, Linux 4.10).
type pathSocket struct {
	conn    *net.UDPConn
	rc      syscall.RawConn
	remote  netip.AddrPort
	inet6   bool
	control [512]byte
}

// prepare sets the options of the socket.
func (s *pathSocket) prepare(f Fragmentation) error {
	options := []struct{ level, name, value int }{
		{unix.IPPROTO_IP, unix.IP_RECVERR, 1}, {unix.IPPROTO_IP, unix.IP_RECVFRAGSIZE, 1},
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT},
	}
	if s.inet6 {
		options = []struct{ level, name, value int }{
			{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1}, {unix.IPPROTO_IPV6, unix.IPV6_RECVFRAGSIZE, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_MTU, ipv6MinMTU},
		}
	}
	if f == DontFragment {
		options = options[:2]
	}
	var failed error
	err := s.rc.Control(func(fd uintptr) {
		for _, o := range options {
			if failed == nil {
				failed = setsockopt(fd, option{o.level, o.name}, o.value)
			}
		}
	})
	return errors.Join(err, failed)
}

// sendTries bounds the attempts to send a datagram. A write can fail with the error that an ICMP
// message has left in the socket. It then has sent nothing, and clears the error.
const sendTries = 4

func (s *pathSocket) Send(b []byte) (err error) {
	for range sendTries {
		if _, err = s.conn.Write(b); err == nil {
			return nil
		}
	}
	return err
}

func (s *pathSocket) Read(b []byte) (e PathEvent, err error) {
	var failed error
	err = s.rc.Read(func(fd uintptr) bool {
		e, failed = s.receive(int(fd), b)
		return !errors.Is(failed, unix.EAGAIN)
	})
	if err == nil {
		err = failed
	}
	return e, err
}

// receive reads the next error report or, if there is none, the next datagram.
func (s *pathSocket) receive(fd int, b []byte) (PathEvent, error) {
	for range sendTries {
		_, n, _, _, err := unix.Recvmsg(fd, b, s.control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err == nil {
			if e, ok := parseReport(s.control[:n]); ok {
				return e, nil
			}
			continue
		}
		length, n, _, _, err := unix.Recvmsg(fd, b, s.control[:], unix.MSG_DONTWAIT)
		switch {
		case err == nil:
			return PathEvent{Len: length, Fragment: fragmentSize(s.control[:n])}, nil
		case errors.Is(err, unix.EAGAIN):
			return PathEvent{}, err
		case !isTransient(err):
			return PathEvent{}, os.NewSyscallError("recvmsg", err)
		}
		// The error of a report: the report itself is in the queue.
	}
	return PathEvent{Kind: PathUnreachable}, nil
}

func (s *pathSocket) SetReadDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }
func (s *pathSocket) RemoteAddr() netip.AddrPort        { return s.remote }
func (s *pathSocket) Close() error                      { return s.conn.Close() }

// fragmentSize returns the size of the largest fragment that control data reports, or 0.
func fragmentSize(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		h := m.Header
		if len(m.Data) >= 4 && (h.Level == unix.IPPROTO_IP && h.Type == unix.IP_RECVFRAGSIZE ||
			h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVFRAGSIZE) {
			return int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return 0
}

// parseReport parses the control data of the error queue: a struct sock_extended_err, which the
// address of the system that sent the ICMP message follows.
func parseReport(control []byte) (e PathEvent, ok bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return e, false
	}
	for _, m := range messages {
		h := m.Header
		if h.Level == unix.IPPROTO_IP && h.Type == unix.IP_RECVERR ||
			h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVERR {
			return reportEvent(m.Data)
		}
	}
	return e, false
}

// The layout of struct sock_extended_err (linux/errqueue.h).
const (
	reportOrigin = 4
	reportInfo   = 8
	reportSize   = 16
)

func reportEvent(data []byte) (e PathEvent, ok bool) {
	if len(data) < reportSize {
		return e, false
	}
	errno := unix.Errno(binary.NativeEndian.Uint32(data))
	info := int(binary.NativeEndian.Uint32(data[reportInfo:]))
	e.From = offender(data[reportSize:])
	switch {
	case errno == unix.EMSGSIZE && data[reportOrigin] == unix.SO_EE_ORIGIN_LOCAL:
		e.Kind, e.MTU, e.From = PathTooLongHere, info, netip.Addr{}
	case errno == unix.EMSGSIZE:
		e.Kind, e.MTU = PathTooLong, info
	case errno == unix.ECONNREFUSED:
		e.Kind = PathRefused
	default:
		e.Kind = PathUnreachable
	}
	return e, true
}

// offender parses the struct sockaddr of the system that sent an ICMP message. It returns the zero Addr
// if there is none.
func offender(sockaddr []byte) netip.Addr {
	if len(sockaddr) < 2 {
		return netip.Addr{}
	}
	switch family := binary.NativeEndian.Uint16(sockaddr); {
	case family == unix.AF_INET && len(sockaddr) >= unix.SizeofSockaddrInet4:
		return netip.AddrFrom4([4]byte(sockaddr[4:8]))
	case family == unix.AF_INET6 && len(sockaddr) >= unix.SizeofSockaddrInet6:
		return netip.AddrFrom16([16]byte(sockaddr[8:24])).Unmap()
	default:
		return netip.Addr{}
	}
}
