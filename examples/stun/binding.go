package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Constants of RFC 8489 for Binding transactions. Numbers in messages are in network byte order.
const (
	headerLength = 20
	magicCookie  = 0x2112A442
	idOffset     = 8 // offset of the transaction ID in the header
	idLength     = 12

	bindingRequest = 0x0001
	bindingSuccess = 0x0101
	bindingError   = 0x0111

	attrErrorCode        = 0x0009
	attrXORMappedAddress = 0x0020

	familyIPv4 = 0x01
	familyIPv6 = 0x02
)

// appendRequest appends a Binding request without attributes to dst (RFC 8489, section 5). The
// transaction ID should be random, so that an attacker who cannot observe the request cannot forge
// a response.
func appendRequest(dst []byte, id [idLength]byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, bindingRequest)
	dst = binary.BigEndian.AppendUint16(dst, 0) // length of the attributes
	dst = binary.BigEndian.AppendUint32(dst, magicCookie)
	return append(dst, id[:]...)
}

// appendRequestKey appends the key of a request to dst, which is its transaction ID. If request is
// not a STUN message, the key is empty.
func appendRequestKey(dst, request []byte) []byte {
	if !isMessage(request) {
		return dst
	}
	return append(dst, request[idOffset:headerLength]...)
}

// appendResponseKey appends the key of a response to dst, which is equal to the key of its request.
// It returns false if response is not a response to a Binding request.
func appendResponseKey(dst, response []byte) ([]byte, bool) {
	if !isMessage(response) {
		return dst, false
	}
	switch binary.BigEndian.Uint16(response) {
	case bindingSuccess, bindingError:
		return append(dst, response[idOffset:headerLength]...), true
	default:
		return dst, false
	}
}

// isMessage reports whether b has the header of a STUN message, and the length given in the header.
func isMessage(b []byte) bool {
	return len(b) >= headerLength && binary.BigEndian.Uint32(b[4:]) == magicCookie &&
		int(binary.BigEndian.Uint16(b[2:])) == len(b)-headerLength && len(b)%4 == 0
}

var (
	errMalformed = errors.New("the response is malformed")
	errNoAddress = errors.New("the response has no address")
)

// parseResponse returns the address in a Binding response, which is the source address of the
// request at the server. If the response is an error response, parseResponse returns the error.
func parseResponse(b []byte) (netip.AddrPort, error) {
	if _, ok := appendResponseKey(nil, b); !ok {
		return netip.AddrPort{}, errMalformed
	}
	failed := binary.BigEndian.Uint16(b) == bindingError
	for attrs := b[headerLength:]; len(attrs) > 0; {
		kind, value, rest, ok := cutAttribute(attrs)
		switch attrs = rest; {
		case !ok:
			return netip.AddrPort{}, errMalformed
		case failed && kind == attrErrorCode:
			return netip.AddrPort{}, parseError(value)
		case !failed && kind == attrXORMappedAddress:
			return parseXORMappedAddress(value, b[4:headerLength])
		}
	}
	if failed {
		return netip.AddrPort{}, errMalformed
	}
	return netip.AddrPort{}, errNoAddress
}

// cutAttribute returns the type and value of the first attribute in attrs, and the attributes after
// it. A value is padded to a multiple of four bytes (RFC 8489, section 14).
func cutAttribute(attrs []byte) (kind uint16, value, rest []byte, ok bool) {
	if len(attrs) < 4 {
		return 0, nil, nil, false
	}
	kind = binary.BigEndian.Uint16(attrs)
	length := int(binary.BigEndian.Uint16(attrs[2:]))
	end := 4 + (length+3)&^3
	if end > len(attrs) {
		return 0, nil, nil, false
	}
	return kind, attrs[4 : 4+length], attrs[end:], true
}

// parseXORMappedAddress parses the value of an XOR-MAPPED-ADDRESS attribute (RFC 8489, section
// 14.2). mask is the magic cookie followed by the transaction ID.
func parseXORMappedAddress(value, mask []byte) (netip.AddrPort, error) {
	length := 0
	if len(value) >= 4 {
		switch value[1] {
		case familyIPv4:
			length = 4
		case familyIPv6:
			length = 16
		}
	}
	if length == 0 || len(value) != 4+length {
		return netip.AddrPort{}, errMalformed
	}
	port := binary.BigEndian.Uint16(value[2:]) ^ binary.BigEndian.Uint16(mask)
	ip := bytes.Clone(value[4:])
	for i := range ip {
		ip[i] ^= mask[i]
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr, port), nil
}

// parseError returns the error that the value of an ERROR-CODE attribute describes (RFC 8489,
// section 14.8).
func parseError(value []byte) error {
	if len(value) < 4 {
		return errMalformed
	}
	code := int(value[2]&7)*100 + int(value[3])
	return fmt.Errorf("the server reported error %d: %q", code, value[4:])
}
