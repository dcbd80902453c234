package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// decode decodes hexadecimal text that may contain spaces.
func decode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The test vectors of RFC 5769, sections 2.2 and 2.3, without MESSAGE-INTEGRITY and FINGERPRINT.
const (
	vectorID   = "b7e7a701 bc34d686 fa87dfae"
	vectorIPv4 = "0101001c 2112a442" + vectorID + "8022000b 74657374 20766563 746f7220" +
		"00200008 0001a147 e112a643"
	vectorIPv6 = "01010028 2112a442" + vectorID + "8022000b 74657374 20766563 746f7220" +
		"00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"
)

func TestParseResponse(t *testing.T) {
	for _, tt := range []struct{ name, response, want string }{
		{"IPv4", vectorIPv4, "192.0.2.1:32853"},
		{"IPv6", vectorIPv6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := decode(t, tt.response)
			addr, err := parseResponse(b)
			if err != nil || addr != netip.MustParseAddrPort(tt.want) {
				t.Errorf("got %v, %v, want %s", addr, err, tt.want)
			}
			for n := range b {
				if addr, err := parseResponse(b[:n]); err == nil {
					t.Errorf("%d of %d bytes: got %v, want an error", n, len(b), addr)
				}
			}
		})
	}
}

func TestParseResponseErrors(t *testing.T) {
	header := " 2112a442" + vectorID
	for _, tt := range []struct{ name, response, want string }{
		{"error", "01110010" + header + "0009000c 00000414 556e6b6e 6f776e21", `error 420: "Unknown!"`},
		{"error without code", "01110000" + header, errMalformed.Error()},
		{"no address", "01010000" + header, errNoAddress.Error()},
		{"request", "00010000" + header, errMalformed.Error()},
		{"other cookie", "01010000 2112a443" + vectorID, errMalformed.Error()},
		{"unknown family", "0101000c" + header + "00200008 0003a147 e112a643", errMalformed.Error()},
		{"address too long", "0101000c" + header + "00200008 0002a147 e112a643", errMalformed.Error()},
		{"attribute too long", "0101000c" + header + "0020000c 0001a147 e112a643", errMalformed.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, err := parseResponse(decode(t, tt.response))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want %s", addr, err, tt.want)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	id := [idLength]byte(decode(t, vectorID))
	want := decode(t, "00010000 2112a442"+vectorID)
	if got := appendRequest(nil, id); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestKeys(t *testing.T) {
	id := decode(t, vectorID)
	request := appendRequest(nil, [idLength]byte(id))
	if key := appendRequestKey(nil, request); !bytes.Equal(key, id) {
		t.Errorf("key of the request = %x, want %x", key, id)
	}
	key, ok := appendResponseKey([]byte("x"), decode(t, vectorIPv4))
	if !ok || !bytes.Equal(key, append([]byte("x"), id...)) {
		t.Errorf("key of the response = %x, %v, want %x", key, ok, id)
	}
	for name, b := range map[string][]byte{"empty": nil, "request": request, "text": []byte("Hello")} {
		if key, ok := appendResponseKey(nil, b); ok {
			t.Errorf("%s: key = %x, want none", name, key)
		}
	}
}

func TestKeysDoNotAllocate(t *testing.T) {
	request, response := appendRequest(nil, [idLength]byte{}), decode(t, vectorIPv4)
	buf := make([]byte, 0, idLength)
	if n := testing.AllocsPerRun(100, func() {
		appendRequestKey(buf, request)
		appendResponseKey(buf, response)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzResponse checks that the parser does not panic, and that only a message with a key has an
// address.
func FuzzResponse(f *testing.F) {
	for _, text := range []string{vectorIPv4, vectorIPv6, "01110000 2112a442" + vectorID} {
		f.Add(decode(f, text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, ok := appendResponseKey(nil, data)
		addr, err := parseResponse(data)
		if !ok && !errors.Is(err, errMalformed) || err == nil && !addr.IsValid() {
			t.Errorf("key %v, address %v, %v", ok, addr, err)
		}
	})
}
