package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

// dnsQuestion asks for the name servers of the root (RFC 1035, section 4.1.2): the empty name, type
// NS and class IN. Resolvers and authoritative servers answer it, if only with a refusal.
var dnsQuestion = []byte{0, 0, 2, 0, 1}

const dnsHeader = 12 // the length of a header in bytes

var dns = Probe{
	Name: "dns", Port: 53, Effect: "asks for the name servers of the root",
	Request: func(dst []byte, n int, _ time.Time) []byte {
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
		dst = append(dst, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0) // recursion desired, one question
		return append(dst, dnsQuestion...)
	},
	RequestKey: dnsRequestKey, ResponseKey: dnsResponseKey,
	Read: func(_, response []byte, _ Arrival) (string, error) {
		switch {
		case len(response) < dnsHeader:
			return "", errTruncated
		case response[2]&0x80 == 0:
			return "", unexpected("the message", "a query", "a response")
		}
		rcode := response[3] & 0xf
		questions := binary.BigEndian.Uint16(response[4:])
		// A server that cannot read the question may leave it out (RFC 1035, section 4.1.1).
		if rest := response[dnsHeader:]; questions > 0 && !bytes.HasPrefix(rest, dnsQuestion) {
			return "", fmt.Errorf("the response repeats another question")
		}
		if !dnsComplete(response) {
			return "", errTruncated
		}
		return fmt.Sprintf("%s, %d answers", dnsRcode(rcode), binary.BigEndian.Uint16(response[6:])), nil
	},
}

var dnsRequestKey, dnsResponseKey = keyAt(0, 0, 2)

// dnsRcode returns the name of a response code (RFC 6895, section 2.3).
func dnsRcode(code byte) string {
	names := []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	if int(code) < len(names) {
		return names[code]
	}
	return fmt.Sprintf("rcode %d", code)
}

// dnsComplete reports whether a message has as many questions and records as its header says (RFC
// 1035, section 4.1). A server that sets the flag TC has left some of them out.
func dnsComplete(message []byte) bool {
	const truncated = 2 // TC
	if message[2]&truncated != 0 {
		return true
	}
	rest, ok := message[dnsHeader:], true
	for section := range 4 {
		for range binary.BigEndian.Uint16(message[4+2*section:]) {
			if rest, ok = dnsSkip(rest, section > 0); !ok {
				return false
			}
		}
	}
	return true
}

// dnsSkip returns the rest behind a question or, with record, behind a resource record.
func dnsSkip(b []byte, record bool) (rest []byte, ok bool) {
	for len(b) > 0 && b[0] != 0 && b[0] < 0xc0 { // a label
		b = b[min(len(b), 1+int(b[0])):]
	}
	fixed := 1 + 4 // the end of the name, type and class
	if len(b) > 0 && b[0] >= 0xc0 {
		fixed++ // the name ends with a pointer, which has two bytes
	}
	if record {
		fixed += 6 // the time to live, and the length of the data
	}
	if len(b) < fixed {
		return nil, false
	}
	if record {
		fixed += int(binary.BigEndian.Uint16(b[fixed-2:]))
	}
	if len(b) < fixed {
		return nil, false
	}
	return b[fixed:], true
}
