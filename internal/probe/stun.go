package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

const (
	stunHeader = 20
	stunCookie = 0x2112a442
)

// stun sends a binding request (RFC 8489, section 5).
var stun = Probe{
	Name: "stun", Port: 3478, Effect: "asks for the address that the server sees",
	Request: func(dst []byte, n int, now time.Time) []byte {
		dst = binary.BigEndian.AppendUint32(dst, 0x0001_0000) // binding request without attributes
		dst = binary.BigEndian.AppendUint32(dst, stunCookie)
		dst = binary.BigEndian.AppendUint64(dst, uint64(now.UnixNano())) // the transaction ID
		return binary.BigEndian.AppendUint32(dst, uint32(n))
	},
	RequestKey: stunRequestKey, ResponseKey: stunResponseKey,
	Read: func(_, response []byte, _ Arrival) (string, error) {
		if len(response) < stunHeader || len(response) < stunHeader+int(binary.BigEndian.Uint16(response[2:])) {
			return "", errTruncated
		}
		if cookie := binary.BigEndian.Uint32(response[4:]); cookie != stunCookie {
			return "", unexpected("the magic cookie", fmt.Sprintf("%#x", cookie), fmt.Sprintf("%#x", stunCookie))
		}
		switch kind := binary.BigEndian.Uint16(response); kind {
		case 0x0101:
			return stunMapped(response)
		case 0x0111:
			return "error response", nil
		default:
			return "", unexpected("the message type", fmt.Sprintf("%#04x", kind), "0x0101")
		}
	},
}

var stunRequestKey, stunResponseKey = keyAt(8, 8, 12)

// stunMapped returns the address in a binding response: XOR-MAPPED-ADDRESS (RFC 8489, section 14.2),
// or the MAPPED-ADDRESS of servers for RFC 3489.
func stunMapped(response []byte) (string, error) {
	length := int(binary.BigEndian.Uint16(response[2:]))
	for b := response[stunHeader : stunHeader+length]; len(b) >= 4; {
		kind, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+size {
			return "", errTruncated
		}
		if value := b[4 : 4+size]; kind == 0x0020 || kind == 0x0001 {
			if addr, ok := stunAddress(value, response[4:stunHeader], kind == 0x0020); ok {
				return "mapped address " + addr.String(), nil
			}
		}
		b = b[min(len(b), 4+(size+3)/4*4):]
	}
	return "", fmt.Errorf("the response has no mapped address")
}

// stunAddress reads an address. With xor, it is combined with the cookie and the transaction ID.
func stunAddress(value, mask []byte, xor bool) (netip.AddrPort, bool) {
	if len(value) != 8 && len(value) != 20 {
		return netip.AddrPort{}, false
	}
	b := append([]byte(nil), value[2:]...)
	if xor {
		b[0] ^= mask[0]
		b[1] ^= mask[1]
		for i := range b[2:] {
			b[2+i] ^= mask[i]
		}
	}
	ip, ok := netip.AddrFromSlice(b[2:])
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b)), ok
}
