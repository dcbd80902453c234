//go:build !ohce_portable

package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSpace is the size of the control data of one message, in bytes. It holds both kinds of
// packet info, the hop limit, the segment size and the time of arrival.
const controlSpace = 160

// An mmsg holds the arguments of recvmmsg or sendmmsg: tables with one row for each message. The
// tables grow to the largest batch and are reused, so that further batches do not allocate.
type mmsg struct {
	hdrs  []unix.Mmsghdr
	iovs  []unix.Iovec
	names []unix.RawSockaddrInet6 // large enough for RawSockaddrInet4 too
	ctl   []byte                  // controlSpace bytes for each row

	desc  *descriptor           // the descriptor of the current call
	call  func(fd uintptr) bool // makes the call; a method value, stored to avoid an allocation
	ready func(fd uintptr) bool // reports whether a read would not block; nil for sendmmsg
	from  int                   // index of the first row of the call
	want  int                   // index after its last row
	done  int                   // number of rows that the kernel filled
	op    string                // the system call that err is from
	err   unix.Errno
}

// size grows the tables to n rows.
func (t *mmsg) size(n int) {
	if len(t.hdrs) >= n {
		return
	}
	t.hdrs = make([]unix.Mmsghdr, n)
	t.iovs = make([]unix.Iovec, n)
	t.names = make([]unix.RawSockaddrInet6, n)
	t.ctl = make([]byte, n*controlSpace)
	for i := range t.hdrs {
		h := &t.hdrs[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&t.names[i]))
		h.Iov = &t.iovs[i]
		h.SetIovlen(1)
	}
}

func (t *mmsg) control(i int) []byte { return t.ctl[i*controlSpace : (i+1)*controlSpace] }

// setBuf makes b the buffer of row i. b may be empty.
func (t *mmsg) setBuf(i int, b []byte) {
	t.iovs[i].Base = unsafe.SliceData(b)
	t.iovs[i].SetLen(len(b))
}
