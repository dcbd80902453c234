package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// quicVersion is a version that no server supports, so that each answers with the versions that
	// it supports (RFC 9000, section 6.3).
	quicVersion = 0x1a2a3a4a
	// quicLength is the length of the smallest datagram that a server answers (RFC 9000, section
	// 14.1).
	quicLength = 1200
	quicIDs    = 8 // the length of the connection IDs
)

// quic asks for the supported versions of QUIC. The server keeps no state (RFC 9000, section 5.2.2).
var quic = Probe{
	Name: "quic", Port: 443, Effect: "asks for the supported versions",
	Request: func(dst []byte, n int, now time.Time) []byte {
		start := len(dst)
		dst = append(dst, make([]byte, quicLength)...)
		b := dst[start:]
		b[0] = 0xc0 // long header
		binary.BigEndian.PutUint32(b[1:], quicVersion)
		b[5] = quicIDs // the destination's ID
		binary.BigEndian.PutUint64(b[6:], uint64(now.UnixNano()))
		b[14] = quicIDs // the source's ID
		binary.BigEndian.PutUint64(b[15:], uint64(n))
		return dst
	},
	RequestKey: quicRequestKey, ResponseKey: quicResponseKey,
	Read: func(request, response []byte, _ Arrival) (string, error) {
		const header = 7 + 2*quicIDs
		switch {
		case len(response) <= header || (len(response)-header)%4 != 0: // there is a version, at least
			return "", errTruncated
		case response[0]&0x80 == 0 || binary.BigEndian.Uint32(response[1:]) != 0:
			return "", errors.New("the response is no version negotiation")
		case string(response[15:15+quicIDs]) != string(request[6:6+quicIDs]):
			return "", errors.New("the response has another connection ID")
		}
		var versions []string
		for b := response[header:]; len(b) > 0; b = b[4:] {
			if v := binary.BigEndian.Uint32(b); v&0x0f0f0f0f != 0x0a0a0a0a { // reserved (section 15)
				versions = append(versions, quicName(v))
			}
		}
		return "versions " + strings.Join(versions, ", "), nil
	},
}

// The response has the source's ID of the request as its destination's ID (RFC 9000, section 17.2.1).
var quicRequestKey, quicResponseKey = keyAt(15, 6, quicIDs)

// quicName returns the name of a version.
func quicName(version uint32) string {
	switch {
	case version == 1:
		return "1"
	case version == 0x6b3343cf: // RFC 9369
		return "2"
	case version>>8 == 0xff0000:
		return fmt.Sprintf("draft-%d", version&0xff)
	default:
		return fmt.Sprintf("%#08x", version)
	}
}
