package relay

import (
	"iter"

	"github.com/ohce/ohce/internal/udp"
)

// datagrams returns an iterator over the datagrams of a message, which it counts. The capacity of a
// datagram reaches to the end of the message; see appendTo.
func datagrams(m *udp.Message, stats *DirectionStats) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		stats.Received += uint64(m.Datagrams())
		if m.Truncated {
			stats.Oversize += uint64(m.Datagrams())
			return
		}
		data := m.Buf
		for m.Segment > 0 && len(data) > m.Segment {
			if !yield(data[:m.Segment]) {
				return
			}
			data = data[m.Segment:]
		}
		yield(data)
	}
}

// appendTo appends a datagram to the messages for conn. A datagram that follows the last one in
// memory, because both are segments of one message, becomes a segment of the last message.
func appendTo(ms []udp.Message, m udp.Message, conn udp.Conn) []udp.Message {
	if len(ms) == 0 || len(m.Buf) == 0 {
		return append(ms, m)
	}
	last := &ms[len(ms)-1]
	have := len(last.Buf)
	size := last.Segment
	if size == 0 {
		size = have
	}
	if have == 0 || have%size != 0 || len(m.Buf) > size || (have/size+1) > conn.Run(size) ||
		cap(last.Buf) < have+len(m.Buf) || &last.Buf[:have+1][have] != &m.Buf[0] {
		return append(ms, m)
	}
	last.Buf, last.Segment = last.Buf[:have+len(m.Buf)], size
	return ms
}
