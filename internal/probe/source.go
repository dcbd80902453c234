package probe

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// sourceSplitHeader is the length of the shortest header of a datagram that has a part of a
// response: that of GoldSrc servers, with a mark, an ID, and a number.
const sourceSplitHeader = 9

// source sends A2S_INFO, a query of Source game servers. A server answers with its description, or
// with a challenge, which protects others from forged queries. Either shows that it works.
var source = Probe{
	Name: "source", Port: 27015, Effect: "queries a Source game server",
	Request: func(dst []byte, _ int, _ time.Time) []byte {
		return append(dst, "\xff\xff\xff\xffTSource Engine Query\x00"...)
	},
	Read: func(_, response []byte, _ Arrival) (string, error) {
		body, ok := bytes.CutPrefix(response, []byte("\xff\xff\xff\xff"))
		switch {
		case !ok && bytes.HasPrefix(response, []byte("\xfe\xff\xff\xff")):
			if len(response) <= sourceSplitHeader {
				return "", errTruncated
			}
			return "description in several datagrams", nil
		case !ok:
			return "", errors.New("the response is not that of a Source server")
		case len(body) == 0:
			return "", errTruncated
		}
		switch body[0] {
		case 'A':
			if len(body) != 5 {
				return "", errTruncated
			}
			return "challenge", nil
		case 'I':
			return sourceInfo(body[1:])
		default:
			return "", unexpected("the type", fmt.Sprintf("%q", body[0]), "'A' or 'I'")
		}
	},
}

// sourceInfo describes the body of a description: the protocol, four strings (name, map, folder and
// game), the game's ID, the number of players and its limit, five further bytes, and the version.
func sourceInfo(body []byte) (string, error) {
	if len(body) == 0 {
		return "", errTruncated
	}
	name, rest, ended := bytes.Cut(body[1:], []byte{0})
	for range 3 {
		if ended {
			_, rest, ended = bytes.Cut(rest, []byte{0})
		}
	}
	const fixed = 9
	if !ended || len(rest) < fixed || bytes.IndexByte(rest[fixed:], 0) < 0 {
		return "", errTruncated
	}
	return fmt.Sprintf("server %q, %d of %d players", name, rest[2], rest[3]), nil
}
