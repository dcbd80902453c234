package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"
)

// memcached sends the command version in a frame of memcached's UDP protocol (doc/protocol.txt of
// memcached, "UDP protocol"): request ID, sequence number, number of datagrams, and a reserved field.
var memcached = Probe{
	Name: "memcached", Port: 11211, Effect: "asks for the version",
	Request: func(dst []byte, n int, _ time.Time) []byte {
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
		dst = append(dst, 0, 0, 0, 1, 0, 0)
		return append(dst, "version\r\n"...)
	},
	RequestKey: memcachedRequestKey, ResponseKey: memcachedResponseKey,
	Read: func(_, response []byte, _ Arrival) (string, error) {
		if len(response) < 8 {
			return "", errTruncated
		}
		line, rest, ended := bytes.Cut(response[8:], []byte("\r\n"))
		version, ok := bytes.CutPrefix(line, []byte("VERSION "))
		switch {
		case !ok:
			return "", errors.New("the response is no version")
		case !ended:
			return "", errTruncated
		case len(rest) > 0:
			return "", errors.New("there is text after the version")
		}
		return "version " + string(version), nil
	},
}

var memcachedRequestKey, memcachedResponseKey = keyAt(0, 0, 2)
