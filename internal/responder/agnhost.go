package responder

import (
	"bytes"
	"net/netip"
	"unicode"
	"unicode/utf8"
)

// maxCommand is how many bytes of a request agnhost reads. It bounds the rounds of two servers that
// answer a chain of echo commands to each other, each with one command less.
const maxCommand = 2048

// agnhost answers the UDP commands of agnhost netexec, the test server of Kubernetes
// (test/images/agnhost/README.md of kubernetes/kubernetes, "netexec"). Like that server, it ignores
// the case of a command, the white space around it, and all bytes after the first 2,048. It echoes a
// text in lower case, and does not answer any other request. Unlike that server, it does not replace
// bytes that are not UTF-8.
var agnhost = Responder{
	Name:   "agnhost",
	Effect: "the UDP commands of Kubernetes' test server: hostname, echo TEXT, clientip",
	Excess: maxName - len("hostname"),
	Named:  true,
	appendTo: func(dst []byte, r Request, b *Backend) ([]byte, bool) {
		lower := appendLower(dst, bytes.TrimSpace(r.Data[:min(len(r.Data), maxCommand)]))
		command := lower[len(dst):]
		if text, ok := bytes.CutPrefix(command, []byte("echo ")); ok {
			return append(dst, text...), true
		}
		switch string(command) {
		case "hostname":
			return append(dst, b.Name...), true
		case "clientip":
			return unmapped(r.Client).AppendTo(dst), true
		default:
			return dst, false
		}
	},
}

// appendLower appends a text in lower case. Bytes that are not UTF-8 do not change.
func appendLower(dst, text []byte) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError {
			dst = append(dst, text[:n]...)
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
		text = text[n:]
	}
	return dst
}

// unmapped returns an address with an IPv4 address in place of an IPv4-mapped IPv6 address.
func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
