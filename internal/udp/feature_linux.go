//go:build !ohce_portable

package udp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A feature is a socket option that older kernels lack.
type feature struct {
	name  string
	since version
	probe func() error // returns nil if the kernel has the feature; the result does not change
}

var (
	featureGRO = &feature{"UDP_GRO", version{5, 0, 0}, sync.OnceValue(probeGRO)}
	featureGSO = &feature{"UDP_SEGMENT", version{4, 18, 0}, sync.OnceValue(probeGSO)}

	featureReusePort = &feature{"SO_REUSEPORT", version{3, 9, 0}, sync.OnceValue(func() error {
		return onSocket(sharePort)
	})}
)

// errBroken means that the kernel has the feature, but with a defect.
var errBroken = fmt.Errorf("%w: it corrupts data in this kernel", errors.ErrUnsupported)

// A version is the version of a kernel release.
type version [3]int

// brokenGSO holds the first and the last release in which UDP_SEGMENT corrupts datagrams of equal
// size.
var brokenGSO = [2]version{{7, 0, 0}, {7, 1, 4}}

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

func (v version) within(span [2]version) bool { return !v.less(span[0]) && !span[1].less(v) }

// parseVersion parses the version at the start of a release in the format of uname(2), such as
// "6.18.44-cloud-amd64".
func parseVersion(release string) (v version, err error) {
	rest := release
	for i := range v {
		digits := rest
		if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = rest[:end]
		}
		if v[i], err = strconv.Atoi(digits); err != nil {
			return version{}, fmt.Errorf("kernel release %q: %w", release, err)
		}
		rest = rest[len(digits):]
		if i == 2 || !strings.HasPrefix(rest, ".") {
			return v, nil
		}
		rest = rest[1:]
	}
	return v, nil
}

// kernel returns the version of the running kernel.
func kernel() (version, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return version{}, err
	}
	return parseVersion(unix.ByteSliceToString(u.Release[:]))
}

func probeGRO() error {
	return onSocket(func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	})
}

func probeGSO() error {
	v, err := kernel()
	if err != nil {
		return err
	}
	if v.within(brokenGSO) {
		return errBroken
	}
	return onSocket(func(fd int) error {
		_, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		return err
	})
}

// onSocket runs f on a new UDP socket and closes it.
func onSocket(f func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}
