package responder

import (
	"bytes"
	"encoding/binary"
)

// The lengths of a QCMP ping and its reply in bytes. The header has the magic number, the version,
// the type, and the length of the rest.
const (
	qcmpHeader = 8
	qcmpPing   = qcmpHeader + 1 + 8
	qcmpReply  = qcmpPing + 8 + 8
)

// The headers of a ping and its reply: version 0, types 0 and 1.
var (
	qcmpPingHeader  = []byte{'Q', 'L', 'K', 'N', 0, 0, 0, qcmpPing - qcmpHeader}
	qcmpReplyHeader = []byte{'Q', 'L', 'K', 'N', 0, 1, 0, qcmpReply - qcmpHeader}
)

// qcmp answers a ping of the Quilkin Control Message Protocol (Quilkin's book, "Protocol Data
// Unit"). The reply repeats the nonce and the client's time, and adds the times at which the server
// received the ping and sent the reply. Both are Request.Time, in nanoseconds since 1970. Like
// Quilkin, it does not answer any other datagram, nor a ping with a wrong length.
var qcmp = Responder{
	Name:   "qcmp",
	Effect: "pings of the proxy Quilkin",
	Excess: qcmpReply - qcmpPing,
	appendTo: func(dst []byte, r Request, _ *Backend) ([]byte, bool) {
		if len(r.Data) != qcmpPing || !bytes.HasPrefix(r.Data, qcmpPingHeader) {
			return dst, false
		}
		now := uint64(r.Time.UnixNano())
		dst = append(dst, qcmpReplyHeader...)
		dst = append(dst, r.Data[qcmpHeader:]...)
		dst = binary.BigEndian.AppendUint64(dst, now)
		return binary.BigEndian.AppendUint64(dst, now), true
	},
}
