package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// sip sends OPTIONS (RFC 3261, section 11). With rport, the server answers to the port that the
// request arrived from (RFC 3581).
var sip = Probe{
	Name: "sip", Port: 5060, Effect: "sends OPTIONS",
	Request: func(dst []byte, n int, now time.Time) []byte {
		id := fmt.Sprintf("%x-%d", now.UnixNano(), n)
		return fmt.Appendf(dst, "OPTIONS sip:ping@ohce.invalid SIP/2.0\r\n"+
			"Via: SIP/2.0/UDP 0.0.0.0:5060;rport;branch=z9hG4bK%s\r\n"+
			"Max-Forwards: 70\r\n"+
			"From: <sip:ohce@ohce.invalid>;tag=%s\r\n"+
			"To: <sip:ping@ohce.invalid>\r\n"+
			"Call-ID: %s@ohce.invalid\r\n"+
			"CSeq: 1 OPTIONS\r\n"+
			"Accept: application/sdp\r\n"+
			"Content-Length: 0\r\n\r\n", id, id, id)
	},
	RequestKey: func(dst, request []byte) []byte {
		id, _ := sipHeader(request, "Call-ID", "i")
		return append(dst, id...)
	},
	ResponseKey: func(dst, response []byte) ([]byte, bool) {
		id, ok := sipHeader(response, "Call-ID", "i")
		return append(dst, id...), ok
	},
	Read: func(_, response []byte, _ Arrival) (string, error) {
		line, _, ended := bytes.Cut(response, []byte("\r\n"))
		header, body, complete := bytes.Cut(response, []byte("\r\n\r\n"))
		status, ok := bytes.CutPrefix(line, []byte("SIP/2.0 "))
		switch {
		case !ok || len(status) == 0:
			return "", errors.New("the response has no status line of SIP/2.0")
		case !ended || !complete || len(body) < sipContentLength(header):
			return "", errTruncated
		}
		return string(status), nil
	},
}

// sipHeader returns the value of a header with a name or its short form (RFC 3261, section 7.3.3).
func sipHeader(message []byte, name, short string) (value []byte, ok bool) {
	for line := range bytes.SplitSeq(message, []byte("\r\n")) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if key = bytes.TrimSpace(key); bytes.EqualFold(key, []byte(name)) ||
			bytes.EqualFold(key, []byte(short)) {
			return bytes.TrimSpace(value), true
		}
	}
	return nil, false
}

// sipContentLength returns the length of the body. It is 0 without a header, which UDP does not need
// (RFC 3261, section 20.14).
func sipContentLength(header []byte) int {
	value, _ := sipHeader(header, "Content-Length", "l")
	n, _ := strconv.Atoi(string(value)) // without a number, the body is what the datagram holds
	return n
}
