package responder

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

// FuzzAppend checks that no response exceeds its request by more than Excess, that requests do not
// change, that a response depends on nothing behind dst, and that identities are valid JSON.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "hostname", "clientip", "echo Hello", " ECHO \xffȺ"} {
		f.Add([]byte(s), "", uint16(0), int64(0))
	}
	f.Add([]byte("QLKN\x00\x00\x00\x09\xbf12345678"), "eth0", uint16(65535), int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, zone string, port uint16, ns int64) {
		addr := netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(zone), port)
		r := Request{Data: bytes.Clone(data), Client: addr, Server: addr, Time: time.Unix(0, ns)}
		b := &Backend{Name: "web-1", PID: int(port), Started: time.Unix(0, ns)}
		for _, s := range All() {
			response, ok := s.Append(nil, r, b)
			if !bytes.Equal(r.Data, data) {
				t.Fatalf("%s changed the request %q to %q", s.Name, data, r.Data)
			}
			if len(response) > len(data)+s.Excess || !ok && len(response) > 0 {
				t.Errorf("%s answers %d bytes with %d, %v", s.Name, len(data), len(response), ok)
			}
			full := bytes.Repeat([]byte("x"), 1000)
			again, okAgain := s.Append(full[:1], r, b)
			if ok != okAgain || !bytes.Equal(again, append([]byte("x"), response...)) {
				t.Errorf("%s answers %q with %q, and then with %q", s.Name, data, response, again)
			}
			if s.Name == "identity" && ok && !json.Valid(response) {
				t.Errorf("%q is no JSON", response)
			}
		}
	})
}
