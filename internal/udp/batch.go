package udp

// A Batch collects datagrams in as few messages as possible. A datagram becomes a segment of the
// last message if it follows that message in memory, has the same addresses and fits. The zero
// value is ready to use, and does not combine datagrams.
type Batch struct {
	// Messages holds the messages appended since the last Reset.
	Messages []Message
	// MaxSegments is the method Tuning.MaxSegments of the socket that will send the messages. If
	// nil, each message holds one datagram.
	MaxSegments func(size int) int

	size int // segment size of the last message
	room int // number of datagrams that the last message can still hold
}

// Append adds the datagram data with the fields Peer, Local and IfIndex of to. It does not copy
// data. The datagram can become a segment only if the capacity of the previous datagram includes
// it. This is the case if both are plain slices of one buffer.
func (b *Batch) Append(data []byte, to *Message) {
	if b.room > 0 && len(data) > 0 && len(data) <= b.size {
		last := &b.Messages[len(b.Messages)-1]
		end := len(last.Buf)
		if whole := end + len(data); cap(last.Buf) >= whole && &last.Buf[:whole][end] == &data[0] &&
			last.Peer == to.Peer && last.Local == to.Local && last.IfIndex == to.IfIndex {
			last.Buf, last.Segment = last.Buf[:whole], b.size
			if b.room--; len(data) < b.size {
				b.room = 0 // only the last segment may be shorter
			}
			return
		}
	}
	b.Messages = append(b.Messages,
		Message{Buf: data, Peer: to.Peer, Local: to.Local, IfIndex: to.IfIndex})
	b.size, b.room = len(data), 0
	if b.MaxSegments != nil && len(data) > 0 {
		b.room = b.MaxSegments(len(data)) - 1
	}
}

// AppendAll adds consecutive datagrams of buf, which have the given sizes. It has the same effect
// as a call of Append for each.
func (b *Batch) AppendAll(buf []byte, sizes []int, to *Message) {
	for len(sizes) > 0 {
		first := sizes[0]
		b.Append(buf[:first], to)
		n, length := b.reserve(sizes[1:])
		if n > 0 {
			last := &b.Messages[len(b.Messages)-1]
			last.Buf, last.Segment = last.Buf[:len(last.Buf)+length], b.size
		}
		buf, sizes = buf[first+length:], sizes[1+n:]
	}
}

// reserve reserves room in the last message for as many datagrams of the given sizes as it can
// hold, and returns their number and total size.
func (b *Batch) reserve(sizes []int) (n, length int) {
	for n < len(sizes) && n < b.room && sizes[n] > 0 && sizes[n] <= b.size {
		length += sizes[n]
		if n++; sizes[n-1] < b.size {
			b.room = 0
			return n, length
		}
	}
	b.room -= n
	return n, length
}

// Reset removes all messages and the references to their bytes. It keeps the slice for reuse.
func (b *Batch) Reset() {
	clear(b.Messages)
	b.Messages, b.room = b.Messages[:0], 0
}
