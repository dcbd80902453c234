package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The tags of BER (X.690) in an SNMP message.
const (
	berInteger  = 0x02
	berOctets   = 0x04
	berSequence = 0x30
	snmpGet     = 0xa0
)

// snmp sends the discovery message of SNMPv3 (RFC 3414, section 4), which needs no user. The agent
// answers with its engine ID, the number of its starts and the seconds since the last one.
var snmp = Probe{
	Name: "snmp", Port: 161, Effect: "discovers the engine ID of an SNMPv3 agent",
	Request: func(dst []byte, n int, _ time.Time) []byte {
		id := berValue(berInteger, binary.BigEndian.AppendUint32(nil, snmpID(n)))
		none, zero := berValue(berOctets), berValue(berInteger, []byte{0})
		global := berValue(berSequence, id, berValue(berInteger, []byte{0, 0xff, 0xe3}), // 65,507 bytes
			berValue(berOctets, []byte{4}), berValue(berInteger, []byte{3})) // reportable, USM
		security := berValue(berOctets, berValue(berSequence, none, zero, zero, none, none, none))
		pdu := berValue(berSequence, none, none,
			berValue(snmpGet, id, zero, zero, berValue(berSequence)))
		return append(dst, berValue(berSequence, berValue(berInteger, []byte{3}), global, security, pdu)...)
	},
	RequestKey: func(dst, request []byte) []byte {
		key, _ := snmpKey(dst, request)
		return key
	},
	ResponseKey: snmpKey,
	Read: func(_, response []byte, _ Arrival) (string, error) {
		message, ok := readSNMP(response)
		if !ok {
			return "", errors.New("the response is truncated or no message of SNMPv3")
		}
		security := berReader{data: message.security}
		engine := security.next(berOctets)
		boots, up := security.next(berInteger), security.next(berInteger)
		if security.failed || len(engine) == 0 {
			return "", errors.New("the response has no engine ID")
		}
		return fmt.Sprintf("engine ID %x, %d starts, up %v", engine, berUint(boots),
			time.Duration(berUint(up))*time.Second), nil
	},
}

// snmpID returns the message ID of request n: 31 bits, with a constant length in BER.
func snmpID(n int) uint32 { return 0x40000000 | uint32(n)&0x3fffffff }

// An snmpMessage holds the parts of a message of SNMPv3.
type snmpMessage struct {
	id       []byte
	security []byte // the content of UsmSecurityParameters
}

// readSNMP reads a message (RFC 3412, section 6).
func readSNMP(data []byte) (m snmpMessage, ok bool) {
	outer := berReader{data: data}
	message := berReader{data: outer.next(berSequence)}
	version := message.next(berInteger)
	global := berReader{data: message.next(berSequence)}
	m.id = global.next(berInteger)
	wrapped := berReader{data: message.next(berOctets)}
	m.security = wrapped.next(berSequence)
	failed := outer.failed || message.failed || global.failed || wrapped.failed
	return m, !failed && berUint(version) == 3
}

// snmpKey appends the message ID.
func snmpKey(dst, data []byte) ([]byte, bool) {
	m, ok := readSNMP(data)
	if !ok {
		return dst, false
	}
	return binary.BigEndian.AppendUint64(dst, berUint(m.id)), true
}

// berValue returns a value with a tag and the given parts as its content.
func berValue(tag byte, parts ...[]byte) []byte {
	var content []byte
	for _, p := range parts {
		content = append(content, p...)
	}
	if len(content) >= 0x80 {
		panic("probe: a value of this length needs a long length") // impossible: requests are short
	}
	return append([]byte{tag, byte(len(content))}, content...)
}

// A berReader reads the values of a sequence.
type berReader struct {
	data   []byte
	failed bool
}

// next returns the content of the next value, which must have the given tag.
func (r *berReader) next(tag byte) []byte {
	if r.failed || len(r.data) < 2 || r.data[0] != tag {
		r.failed = true
		return nil
	}
	length, rest := int(r.data[1]), r.data[2:]
	if length >= 0x80 { // X.690, section 8.1.3.5: the number of bytes of the length
		n := length & 0x7f
		if n == 0 || n > 2 || len(rest) < n {
			r.failed = true
			return nil
		}
		length = 0
		for _, b := range rest[:n] {
			length = length<<8 | int(b)
		}
		rest = rest[n:]
	}
	if len(rest) < length {
		r.failed = true
		return nil
	}
	r.data = rest[length:]
	return rest[:length]
}

// berUint returns the value of a non-negative integer of up to eight bytes.
func berUint(content []byte) (n uint64) {
	for _, b := range content {
		n = n<<8 | uint64(b)
	}
	return n
}
