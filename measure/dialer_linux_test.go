package measure_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ohce/ohce/measure"
)

// TestDialerHeader sends datagrams over loopback and checks the traffic class and the TTL that arrive.
func TestDialerHeader(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, d := range []measure.Dialer{
			{}, {DSCP: 46}, {DSCP: 63}, {TTL: 7}, {TTL: 255}, {DSCP: 8, TTL: 1, DontFragment: true},
			{Interface: "lo"},
		} {
			t.Run(fmt.Sprintf("%s %+v", host, d), func(t *testing.T) {
				in, err := listenHeaders(t, net.JoinHostPort(host, "0"))
				if err != nil {
					t.Fatal(err)
				}
				out, err := d.Dial(t.Context(), "udp", in.LocalAddr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				checkHeader(t, &d, out, in)
			})
		}
	}
}

// listenHeaders returns a socket that reports the traffic class and the TTL of each datagram.
func listenHeaders(t *testing.T, addr string) (*net.UDPConn, error) {
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { pc.Close() })
	c := pc.(*net.UDPConn)
	c.SetDeadline(time.Now().Add(20 * time.Second))
	rc, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = rc.Control(func(fd uintptr) { failed = reportHeaders(int(fd), c.LocalAddr()) })
	return c, errors.Join(err, failed)
}

func reportHeaders(fd int, local net.Addr) error {
	level, options := unix.IPPROTO_IP, []int{unix.IP_RECVTOS, unix.IP_RECVTTL}
	if local.(*net.UDPAddr).IP.To4() == nil {
		level, options = unix.IPPROTO_IPV6, []int{unix.IPV6_RECVTCLASS, unix.IPV6_RECVHOPLIMIT}
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, level, o, 1); err != nil {
			return err
		}
	}
	return nil
}

// checkHeader sends a datagram and checks its header.
func checkHeader(t *testing.T, d *measure.Dialer, out net.Conn, in *net.UDPConn) {
	t.Helper()
	if _, err := out.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	buf, control := make([]byte, 16), make([]byte, 256)
	_, n, _, from, err := in.ReadMsgUDPAddrPort(buf, control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		t.Fatal(err)
	}
	tos, ttl := -1, -1
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_TOS:
			tos = int(m.Data[0])
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_TCLASS:
			tos = int(binary.NativeEndian.Uint32(m.Data))
		default:
			ttl = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	want := d.TTL
	if want == 0 {
		want = ttl
	}
	if tos != d.DSCP<<2 || ttl != want {
		t.Errorf("the datagram has the traffic class %#x and the TTL %d, want %#x and %d", tos, ttl,
			d.DSCP<<2, want)
	}
	if local := out.LocalAddr().String(); from.String() != local {
		t.Errorf("the datagram is from %v, want %s", from, local)
	}
}
