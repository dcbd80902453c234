package responder

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"
)

// identity answers any request with a JSON object that identifies the server, in one line without a
// newline. These fields do not change, and their order does not change; later versions may add
// fields at the end:
//
//	name           Backend.Name
//	server         the address that the request was sent to, as HOST:PORT
//	client         the address that the request arrived from
//	pid            the process ID
//	started        when the process started, in RFC 3339, UTC
//	request_bytes  the length of the request
var identity = Responder{
	Name:   "identity",
	Effect: "any request, with a JSON object that identifies this server",
	Excess: 512,
	Named:  true,
	appendTo: func(dst []byte, r Request, b *Backend) ([]byte, bool) {
		dst = append(dst, `{"name":"`...)
		dst = append(dst, b.Name...) // has no characters to escape, see CheckName
		dst = append(dst, `","server":`...)
		dst = appendAddr(dst, r.Server)
		dst = append(dst, `,"client":`...)
		dst = appendAddr(dst, r.Client)
		dst = append(dst, `,"pid":`...)
		dst = strconv.AppendInt(dst, int64(b.PID), 10)
		dst = append(dst, `,"started":"`...)
		dst = b.Started.UTC().AppendFormat(dst, time.RFC3339)
		dst = append(dst, `","request_bytes":`...)
		dst = strconv.AppendInt(dst, int64(len(r.Data)), 10)
		return append(dst, '}'), true
	},
}

// appendAddr appends an address as a JSON string.
func appendAddr(dst []byte, a netip.AddrPort) []byte {
	a = unmapped(a)
	// The zone can be the name of a network interface, which may contain almost any byte.
	if !isPlain(a.Addr().Zone()) {
		quoted, err := json.Marshal(a.String())
		if err != nil {
			panic(err) // impossible: a string has a JSON form
		}
		return append(dst, quoted...)
	}
	dst = append(dst, '"')
	dst = a.AppendTo(dst)
	return append(dst, '"')
}
