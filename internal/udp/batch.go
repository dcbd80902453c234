package udp

// A Batch collects datagrams in as few messages as possible: a datagram becomes a segment of the
// last message if it follows it in memory, has the same addresses, and fits. Its zero value has no
// segments.
type Batch struct {
	// Messages are what has been appended since Reset.
	Messages []Message
	// MaxSegments is Tuning.MaxSegments of the socket that the messages are for; nil means 1.
	MaxSegments func(size int) int

	size int // of the segments of the last message
	room int // the number of datagrams that the last message can still take
}

// Append adds the datagram data, with Peer, Local and IfIndex of to. The bytes are not copied. They
// can become a segment only if the capacity of the datagram before them reaches to their end, as it
// does in one buffer that was sliced without a limit.
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

// AppendAll adds datagrams of the given sizes that follow each other in buf, as Append would.
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

// reserve takes up room for as many datagrams of the given sizes as the last message can hold, and
// returns their number and the sum of their sizes.
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

// Reset removes all messages and keeps the room for them, but no reference to their bytes.
func (b *Batch) Reset() {
	clear(b.Messages)
	b.Messages, b.room = b.Messages[:0], 0
}
