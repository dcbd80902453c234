package probe

import (
	"encoding/binary"
	"errors"
	"time"
)

// coap sends an empty confirmable message, which a server must reject with a reset: the CoAP ping
// (RFC 7252, section 4.3).
var coap = Probe{
	Name: "coap", Port: 5683, Effect: "sends a CoAP ping",
	Request: func(dst []byte, n int, _ time.Time) []byte {
		dst = append(dst, 1<<6|0<<4, 0) // version 1, confirmable, without token; code 0.00
		return binary.BigEndian.AppendUint16(dst, uint16(n))
	},
	RequestKey: coapRequestKey, ResponseKey: coapResponseKey,
	Read: func(_, response []byte, _ Arrival) (string, error) {
		switch {
		case len(response) < 4:
			return "", errTruncated
		case response[0]>>6 != 1:
			return "", unexpected("the version", response[0]>>6, 1)
		case response[0]>>4&3 != 3:
			return "", unexpected("the message type", response[0]>>4&3, "3 (reset)")
		case response[1] != 0 || len(response) != 4:
			return "", errors.New("the reset is not empty") // which it must be (RFC 7252, section 4.3)
		default:
			return "reset", nil
		}
	},
}

var coapRequestKey, coapResponseKey = keyAt(2, 2, 2)
