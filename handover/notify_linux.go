package handover

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Notify sends assignments such as "READY=1", "STOPPING=1" or "STATUS=..." to systemd as one
// message (sd_notify(3)). If NOTIFY_SOCKET is not set, it does nothing. An assignment must not
// contain a newline.
func Notify(assignments ...string) error {
	message, err := joinAssignments(assignments)
	if err != nil {
		return err
	}
	return send(message)
}

// Store passes duplicates of files to systemd, which keeps them when the process ends, even after a
// crash, and passes them to the next process of the service (FDSTORE=1). The unit must set
// FileDescriptorStoreMax=. name becomes Socket.Name. It has at most 255 printable ASCII characters
// and no colon.
//
// systemd does not watch the files (FDPOLL=0, systemd 246). Otherwise, it would drop a socket that
// reports an error such as "port unreachable".
func Store(name string, files ...*os.File) error {
	if err := checkName(name); err != nil {
		return err
	}
	for _, f := range files {
		rc, err := f.SyscallConn()
		if err != nil {
			return err
		}
		var sendErr error
		if err := rc.Control(func(fd uintptr) {
			sendErr = send("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, int(fd))
		}); err != nil {
			return err
		}
		if sendErr != nil {
			return sendErr
		}
	}
	return nil
}

// sendTimeout is how long send waits for room in the manager's queue.
const sendTimeout = time.Second

// send sends a message and descriptors to the socket in NOTIFY_SOCKET.
func send(message string, fds ...int) error {
	addr, err := managerAddr(os.Getenv("NOTIFY_SOCKET"))
	if addr == nil || err != nil {
		return err
	}
	conn, err := net.DialUnix("unixgram", nil, addr)
	if err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	defer conn.Close()
	// The manager may be busy, but must not stop the service.
	if err := conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	var rights []byte
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	rc, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	// net.UnixConn refuses to send descriptors on a connected socket.
	var sendErr error
	if err := rc.Write(func(fd uintptr) bool {
		sendErr = syscall.Sendmsg(int(fd), []byte(message), rights, nil, 0)
		return sendErr != syscall.EAGAIN && sendErr != syscall.EINTR
	}); err != nil {
		return err
	}
	return os.NewSyscallError("handover: sendmsg", sendErr)
}

// reloading returns the message that begins an upgrade. systemd needs the time to tell it from an
// earlier one (systemd 253).
func reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return "RELOADING=1"
	}
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000)
}
