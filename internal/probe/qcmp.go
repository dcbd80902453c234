package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The sizes of a QCMP ping and its reply in bytes: the header has a magic number, a version, a type
// and a length.
const (
	qcmpHeader = 8
	qcmpPing   = qcmpHeader + 1 + 8
	qcmpReply  = qcmpPing + 8 + 8
)

// qcmp sends a ping of the Quilkin Control Message Protocol (its book, "Protocol Data Unit").
var qcmp = Probe{
	Name: "qcmp", Port: 7600, Effect: "sends a ping of Quilkin",
	Request: func(dst []byte, n int, now time.Time) []byte {
		dst = append(dst, "QLKN"...)
		dst = append(dst, 0, 0, 0, qcmpPing-qcmpHeader) // version 0, ping
		dst = append(dst, byte(n))                      // the nonce
		return binary.BigEndian.AppendUint64(dst, uint64(now.UnixNano()))
	},
	RequestKey: qcmpRequestKey, ResponseKey: qcmpResponseKey,
	Read: func(_, response []byte, _ Arrival) (string, error) {
		switch {
		case len(response) < qcmpReply:
			return "", errTruncated
		case string(response[:4]) != "QLKN":
			return "", unexpected("the magic number", fmt.Sprintf("%q", response[:4]), `"QLKN"`)
		case response[4] != 0:
			return "", unexpected("the version", response[4], 0)
		case response[5] != 1:
			return "", unexpected("the type", response[5], "1 (reply)")
		case len(response) != qcmpReply || binary.BigEndian.Uint16(response[6:]) != qcmpReply-qcmpHeader:
			return "", errors.New("the response has a wrong length")
		}
		received := binary.BigEndian.Uint64(response[qcmpPing:])
		sent := binary.BigEndian.Uint64(response[qcmpPing+8:])
		return fmt.Sprintf("handled in %v", time.Duration(sent-received)), nil
	},
}

var qcmpRequestKey, qcmpResponseKey = keyAt(qcmpHeader, qcmpHeader, 9)
