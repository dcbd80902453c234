package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	dtlsRecordHeader = 13
	dtls12           = 0xfefd
)

// dtlsSuites are the cipher suites of the request: common ones of TLS 1.2 with certificates and with
// a pre-shared key.
var dtlsSuites = []uint16{0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc0ae, 0xc0a8, 0x00a8, 0x009c, 0x002f}

// dtls sends a ClientHello without a cookie. The server answers with a HelloVerifyRequest and keeps
// no state (RFC 6347, section 4.2.1).
var dtls = Probe{
	Name: "dtls", Port: 4433, Effect: "sends a ClientHello without a cookie",
	Request: func(dst []byte, n int, now time.Time) []byte {
		hello := binary.BigEndian.AppendUint16(nil, dtls12)
		hello = binary.BigEndian.AppendUint64(hello, uint64(now.UnixNano())) // 32 random bytes
		hello = binary.BigEndian.AppendUint64(hello, uint64(n))
		hello = append(hello, make([]byte, 16)...)
		hello = append(hello, 0, 0) // neither a session nor a cookie
		hello = binary.BigEndian.AppendUint16(hello, uint16(2*len(dtlsSuites)))
		for _, suite := range dtlsSuites {
			hello = binary.BigEndian.AppendUint16(hello, suite)
		}
		hello = append(hello, 1, 0) // no compression
		hello = append(hello, dtlsExtensions...)
		// The handshake header: type, length, message number, fragment offset and length.
		length := []byte{byte(len(hello) >> 16), byte(len(hello) >> 8), byte(len(hello))}
		handshake := append([]byte{1}, length...)
		handshake = append(handshake, 0, 0, 0, 0, 0)
		handshake = append(append(handshake, length...), hello...)
		// The record header: handshake, version, epoch and sequence number, length.
		dst = append(dst, 22)
		dst = binary.BigEndian.AppendUint16(dst, dtls12)
		dst = append(dst, make([]byte, 8)...)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(handshake)))
		return append(dst, handshake...)
	},
	Read: func(_, response []byte, _ Arrival) (string, error) {
		if len(response) < dtlsRecordHeader+1 ||
			len(response) < dtlsRecordHeader+int(binary.BigEndian.Uint16(response[11:])) {
			return "", errTruncated
		}
		if version := binary.BigEndian.Uint16(response[1:]); version>>8 != 0xfe {
			return "", unexpected("the version", fmt.Sprintf("%#04x", version), "one of DTLS")
		}
		record := response[dtlsRecordHeader:][:binary.BigEndian.Uint16(response[11:])]
		switch kind := response[0]; {
		case kind == 21 && len(record) >= 2:
			return fmt.Sprintf("alert %d", record[1]), nil
		case kind != 22:
			return "", unexpected("the record type", kind, "22 (handshake)")
		}
		return dtlsHandshake(record)
	},
}

// dtlsHandshake describes the first handshake message of a record (RFC 6347, section 4.2.2).
func dtlsHandshake(record []byte) (string, error) {
	const header = 12
	if len(record) < header {
		return "", errTruncated
	}
	fragment := int(record[9])<<16 | int(record[10])<<8 | int(record[11]) // its length
	if len(record)-header < fragment {
		return "", errTruncated
	}
	switch body := record[header:]; record[0] {
	case 3: // a version, and the cookie with its length
		if len(body) < 3 || len(body) < 3+int(body[2]) {
			return "", errTruncated
		}
		return "HelloVerifyRequest", nil
	case 2:
		return "ServerHello", nil
	default:
		return "", errors.New("the response is neither a HelloVerifyRequest nor a ServerHello")
	}
}

// dtlsExtensions are the extensions of the request: supported groups (secp256r1, x25519), point
// formats (uncompressed), and signature algorithms (ECDSA and RSA with SHA-256).
var dtlsExtensions = []byte{
	0, 26,
	0, 10, 0, 6, 0, 4, 0, 23, 0, 29,
	0, 11, 0, 2, 1, 0,
	0, 13, 0, 6, 0, 4, 4, 3, 4, 1,
}
