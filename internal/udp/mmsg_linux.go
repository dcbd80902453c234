//go:build !ohce_portable

package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSpace is the room for a message's control data: both kinds of packet info, the hop limit and
// the size of segments fit.
const controlSpace = 128

// mmsg holds the tables of one direction, a row a message. They grow to the batch in use and are
// then kept, so that a batch allocates nothing.
type mmsg struct {
	hdrs  []unix.Mmsghdr
	iovs  []unix.Iovec
	names []unix.RawSockaddrInet6 // large enough for RawSockaddrInet4 too
	ctl   []byte                  // controlSpace a row

	desc  *descriptor           // of the call
	call  func(fd uintptr) bool // the method value, made once
	ready func(fd uintptr) bool // of reading: whether there is something to read; as call
	from  int                   // the first row of the call
	want  int                   // the row after its last
	done  int                   // rows the kernel took
	op    string                // the call that err speaks of
	err   unix.Errno
}

// size makes room for n rows.
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

// setBuf points row i at b, which may be empty.
func (t *mmsg) setBuf(i int, b []byte) {
	t.iovs[i].Base = unsafe.SliceData(b)
	t.iovs[i].SetLen(len(b))
}
