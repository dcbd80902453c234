package handover

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Inherit takes over the sockets that a predecessor or systemd has passed to the process, and
// removes the variables that describe them from the environment. If there are none, the result has
// no sockets. Inherit must be called once, before the program opens files.
//
// Inherit fails if the variables are malformed or a descriptor is neither a UDP socket nor a TCP
// listener. It then closes the descriptors that it has found.
//
// Inherit ignores variables that are meant for another process. A child of the successor, for
// example, inherits the successor's variables. If the process has also inherited the descriptors,
// Inherit closes them: otherwise, they would keep the addresses in use. If the predecessor has
// ended meanwhile, Inherit returns ErrGivenUp.
func Inherit() (*Inheritance, error) {
	p, err := parseVariables(os.Getenv, os.Getpid(), os.Getppid())
	for _, name := range variables {
		os.Unsetenv(name)
	}
	if err != nil {
		return nil, fmt.Errorf("handover: %w", err)
	}
	if err := closeForeign(p.foreign); err != nil {
		return nil, err
	}
	in := &Inheritance{Predecessor: p.ready}
	if p.ready {
		fd := firstFD + len(p.names)
		syscall.CloseOnExec(fd)
		in.ready = os.NewFile(uintptr(fd), "ready")
	}
	for i, name := range p.names {
		if addErr := in.add(firstFD+i, name); addErr != nil && err == nil {
			err = fmt.Errorf("handover: descriptor %d: %w", firstFD+i, addErr)
		}
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// closeForeign closes n descriptors that a predecessor has passed to another process, if they are
// what it passes: sockets, listeners and a pipe. Otherwise, the process has opened some of them for
// another purpose, and closeForeign closes none. It returns ErrGivenUp if nothing reads the pipe.
func closeForeign(n int) error {
	if n == 0 {
		return nil
	}
	ready := firstFD + n - 1
	var stat unix.Stat_t
	if unix.Fstat(ready, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil
	}
	for fd := firstFD; fd < ready; fd++ {
		if !passable(fd) {
			return nil
		}
	}
	poll := []unix.PollFd{{Fd: int32(ready)}}
	_, err := unix.Poll(poll, 0)
	for fd := firstFD; fd <= ready; fd++ {
		unix.Close(fd)
	}
	if err == nil && poll[0].Revents&unix.POLLERR != 0 {
		return ErrGivenUp
	}
	return nil
}

// passable reports whether fd is a datagram socket or a listener.
func passable(fd int) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return false
	}
	return kind == unix.SOCK_DGRAM || kind == unix.SOCK_STREAM && listens(fd)
}

// listens reports whether a stream socket is a listener, as far as the system can tell.
func listens(fd int) bool {
	accepts, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err != nil || accepts != 0
}

// add adds the socket or listener with the descriptor fd, which it closes. The descriptor of the
// result is a duplicate that is closed on exec.
func (in *Inheritance) add(fd int, name string) error {
	// A wrong number can be that of a file of the Go runtime, which must not be closed.
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil {
		return fmt.Errorf("neither a UDP socket nor a TCP listener: %w", err)
	}
	f := os.NewFile(uintptr(fd), "inherited "+strconv.Itoa(fd))
	defer f.Close()
	if kind == syscall.SOCK_STREAM {
		return in.addListener(fd, f, name)
	}
	pc, err := net.FilePacketConn(f)
	if err != nil {
		return fmt.Errorf("neither a UDP socket nor a TCP listener: %w", err)
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		return fmt.Errorf("not a UDP socket, but %s", pc.LocalAddr().Network())
	}
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	in.Sockets = append(in.Sockets, Socket{name, unmapped(addr), conn})
	return nil
}

// addListener adds the TCP listener with the descriptor fd, which is that of f.
func (in *Inheritance) addListener(fd int, f *os.File, name string) error {
	if !listens(fd) {
		return errors.New("a stream socket that does not listen")
	}
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("neither a UDP socket nor a TCP listener: %w", err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return fmt.Errorf("not a TCP listener, but %s", l.Addr().Network())
	}
	addr := tcp.Addr().(*net.TCPAddr).AddrPort()
	in.Listeners = append(in.Listeners, Listener{name, unmapped(addr), tcp})
	return nil
}

func unmapped(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
