package probe

import (
	"encoding/binary"
	"fmt"
	"time"
)

const ntpLength = 48 // of a packet without extensions, in bytes

// ntp sends a client packet of version 4 (RFC 5905, section 7.3). The response repeats the transmit
// time stamp of the request as its origin time stamp.
var ntp = Probe{
	Name: "ntp", Port: 123, Effect: "asks for the time",
	Request: func(dst []byte, n int, now time.Time) []byte {
		start := len(dst)
		dst = append(dst, make([]byte, ntpLength)...)
		packet := dst[start:]
		packet[0] = 0<<6 | 4<<3 | 3 // no leap second, version 4, client
		// The lowest bits of the fraction are finer than the clock, and make time stamps unique.
		stamp := ntpTime(now)&^0xff | uint64(n&0xff)
		binary.BigEndian.PutUint64(packet[40:], stamp)
		return dst
	},
	RequestKey: ntpRequestKey, ResponseKey: ntpResponseKey,
	Read: func(request, response []byte, a Arrival) (string, error) {
		if len(response) < ntpLength {
			return "", errTruncated
		}
		if mode := response[0] & 7; mode != 4 {
			return "", unexpected("the mode", mode, "4 (server)")
		}
		stratum := response[1]
		if stratum == 0 { // RFC 5905, section 7.4
			return fmt.Sprintf("kiss-o'-death %q", response[12:16]), nil
		}
		text := fmt.Sprintf("stratum %d", stratum)
		if response[0]>>6 == 3 {
			return text + ", not synchronized", nil
		}
		return text + fmt.Sprintf(", offset %+.3f ms", ntpOffset(request, response, a)), nil
	},
}

var ntpRequestKey, ntpResponseKey = keyAt(40, 24, 8)

// ntpOffset returns how far the server's clock is ahead, in milliseconds: ((T2-T1)+(T3-T4))/2 (RFC
// 5905, section 8).
func ntpOffset(request, response []byte, a Arrival) float64 {
	t1 := binary.BigEndian.Uint64(request[40:])
	t2 := binary.BigEndian.Uint64(response[32:])
	t3 := binary.BigEndian.Uint64(response[40:])
	t4 := ntpTime(a.Time)
	// Differences of time stamps are signed and survive the end of an era.
	return (float64(int64(t2-t1)) + float64(int64(t3-t4))) / 2 / (1 << 32) * 1000
}

// ntpTime returns t as an NTP time stamp: seconds since 1900 and 32 bits of fraction.
func ntpTime(t time.Time) uint64 {
	const from1900to1970 = 2_208_988_800
	seconds := uint64(t.Unix() + from1900to1970)
	return seconds<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}
