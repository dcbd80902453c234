package probe

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"
)

// now is the time of the requests in the tests: one second of 1970.
var now = time.Unix(1, 0)

// bytesOf returns bytes in hexadecimal, in which spaces are ignored.
func bytesOf(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A response of a test begins with "0x" if it is in hexadecimal.
func (tt *probeTest) bytes(t *testing.T, text string) []byte {
	t.Helper()
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		return bytesOf(t, digits)
	}
	return []byte(text)
}

type probeTest struct {
	name, request, response, want string
	wrong                         string // a response that is not right
}

// The bytes are those of the protocols' specifications.
var probeTests = []probeTest{
	{"dns", "0x0001 0100 0001 0000 0000 0000 00 0002 0001",
		"0x0001 8180 0001 0002 0000 0001 00 0002 0001" + // two answers, and one additional record
			"00 0002 0001 00000e10 0003 016100" + "0162c00c 0002 0001 00000e10 0002 c00c" +
			"016100 0001 0001 00000e10 0004 c0000201", "NOERROR, 2 answers",
		"0x0001 0100 0001 0000 0000 0000 00 0002 0001"},
	{"dns", "0x0001 0100 0001 0000 0000 0000 00 0002 0001", // with the flag TC
		"0x0001 8380 0001 000d 0000 0000 00 0002 0001", "NOERROR, 13 answers",
		"0x0001 8180 0001 000d 0000 0000 00 0002 0001"},
	{"dns", "0x0001 0100 0001 0000 0000 0000 00 0002 0001",
		"0x0001 8105 0001 0000 0000 0000 00 0002 0001", "REFUSED, 0 answers",
		"0x0001 8105 0001 0000 0000 0000 01 61 00 0002 0001"},
	{"ntp", "0x23" + strings.Repeat("00", 39) + "83aa7e81 00000001",
		"0x24 02 00 e7" + strings.Repeat("00", 20) + "83aa7e81 00000001" + "83aa7e83 40000000" +
			"83aa7e83 40000000", "stratum 2, offset +2000.000 ms",
		"0x23 02 00 e7" + strings.Repeat("00", 44)},
	{"ntp", "0x23" + strings.Repeat("00", 39) + "83aa7e81 00000001",
		"0x24 00 00 e7" + strings.Repeat("00", 8) + "52415445" + strings.Repeat("00", 32), `kiss-o'-death "RATE"`,
		"0x25 02 00 e7" + strings.Repeat("00", 44)},
	// The address is that of RFC 5769, section 2.2.
	{"stun", "0x0001 0000 2112a442 000000003b9aca00 00000001",
		"0x0101 000c 2112a442 b7e7a701bc34d686fa87dfae 0020 0008 0001 a147 e112a643",
		"mapped address 192.0.2.1:32853", "0x0101 0000 2112a443 b7e7a701bc34d686fa87dfae"},
	{"stun", "0x0001 0000 2112a442 000000003b9aca00 00000001",
		"0x0101 0018 2112a442 b7e7a701bc34d686fa87dfae 0020 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9",
		"mapped address [2001:db8:1234:5678:11:2233:4455:6677]:32853",
		"0x0101 0008 2112a442 b7e7a701bc34d686fa87dfae 8022 0004 74657374"},
	{"coap", "0x4000 0001", "0x7000 0001", "reset", "0x6000 0001"},
	{"coap", "0x4000 0001", "0x7000 0001", "reset", "0x7000 0001 ff00"},
	{"memcached", "0x0001 0000 0001 0000 76657273696f6e0d0a",
		"\x00\x01\x00\x00\x00\x01\x00\x00VERSION 1.6.18\r\n", "version 1.6.18",
		"\x00\x01\x00\x00\x00\x01\x00\x00ERROR\r\n"},
	{"qcmp", "0x514c4b4e 00 00 0009 01 000000003b9aca00",
		"0x514c4b4e 00 01 0019 01 000000003b9aca00 0000000000000005 0000000000002715", "handled in 10µs",
		"0x514c4b4e 00 00 0019 01 000000003b9aca00 0000000000000005 0000000000002715"},
	{"qcmp", "", "0x514c4b4e 00 01 0019 01 000000003b9aca00 0000000000000005 0000000000000005", "handled in 0s",
		"0x514c4b4e 01 01 0019 01 000000003b9aca00 0000000000000005 0000000000002715"},
	{"qcmp", "", "0x514c4b4e 00 01 0019 01 000000003b9aca00 0000000000000005 0000000000000005", "handled in 0s",
		"0x514c4b4e 00 01 0018 01 000000003b9aca00 0000000000000005 0000000000002715"},
	{"source", "\xff\xff\xff\xffTSource Engine Query\x00", "\xff\xff\xff\xffA\x01\x02\x03\x04", "challenge",
		"\xff\xff\xff\xffB1"},
	{"source", "\xff\xff\xff\xffTSource Engine Query\x00",
		"\xff\xff\xff\xffI\x11My server\x00de_dust\x00cstrike\x00Game\x00\x0a\x00\x03\x10\x00dl\x00\x011.0\x00",
		`server "My server", 3 of 16 players`, "IMy server\x00"},
	{"source", "", "\xfe\xff\xff\xff\x01\x00\x00\x00\x12x", "description in several datagrams",
		"\xfe\xff\xff\xff\x01\x00\x00\x00\x12"},
	{"agnhost", "hostname", "netexec-7f9", `host "netexec-7f9"`, "\xff"},
	{"agnhost", "hostname", "Node_1.example", `host "Node_1.example"`, "hostname"},
	{"agnhost", "hostname", "a", `host "a"`, `{"name":"a"}`},
	{"sip", "", "SIP/2.0 200 OK\r\ni: 3b9aca00-1@ohce.invalid\r\n\r\n", "200 OK", "HTTP/1.1 200 OK\r\n\r\n"},
	{"sip", "", "SIP/2.0 404 Not Found\r\ni: 3b9aca00-1@ohce.invalid\r\nl: 4\r\n\r\nbody", "404 Not Found",
		"SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nbod"},
	{"quic", "0xc0 1a2a3a4a 08 000000003b9aca00 08 0000000000000001" + strings.Repeat("00", quicLength-23),
		"0xf5 00000000 08 0000000000000001 08 000000003b9aca00 00000001 6b3343cf ff00001d 1a2a3a4a 51303530",
		"versions 1, 2, draft-29, 0x51303530",
		"0xf5 00000001 08 0000000000000001 08 000000003b9aca00 00000001"},
	{"quic", "", "0xf5 00000000 08 0000000000000001 08 000000003b9aca00 00000001", "versions 1",
		"0xf5 00000000 08 0000000000000001 08 000000003b9aca00"},
	{"dtls", "", "0x16 feff 0000 000000000000 0017 03 00000b 0000 000000 00000b feff 08 0102030405060708",
		"HelloVerifyRequest", "0x17 fefd 0000 000000000000 0001 00"},
	{"dtls", "", "0x15 fefd 0000 000000000000 0002 02 28", "alert 40",
		"0x16 0303 0000 000000000000 0001 03"},
	{"dtls", "", "0x16 fefd 0000 000000000000 000c 02 000046 0000 000000 000000", "ServerHello",
		"0x16 fefd 0000 000000000000 0001 03"},
	{"dtls", "", "0x16 fefd 0000 000000000000 000c 02 000046 0000 000000 000000", "ServerHello",
		"0x16 feff 0000 000000000000 0010 03 000004 0000 000000 000004 feff 08 01"},
	{"snmp", "0x303e 020103 3011 0204 40000001 0203 00ffe3 0401 04 0201 03 0410 300e 0400 020100 020100 0400 0400 0400" +
		"3014 0400 0400 a00e 0204 40000001 020100 020100 3000",
		"0x3036 020103 3011 0204 40000001 0203 00ffe3 0401 00 0201 03 0416 3014 0405 80001f8801 020103 02020e10 0400 0400 0400 3006 0400 0400 0500",
		"engine ID 80001f8801, 3 starts, up 1h0m0s",
		"0x3036 020102 3011 0204 40000001 0203 00ffe3 0401 00 0201 03 0416 3014 0405 80001f8801 020103 02020e10 0400 0400 0400 3006 0400 0400 0500"},
}

func TestProbes(t *testing.T) {
	var tested []string
	for _, tt := range probeTests {
		tested = append(tested, tt.name)
		p, ok := Find(tt.name)
		if !ok {
			t.Fatalf("there is no probe %s", tt.name)
		}
		request := p.Request([]byte("> "), 1, now)
		request, ok = bytes.CutPrefix(request, []byte("> "))
		if want := tt.bytes(t, tt.request); !ok || tt.request != "" && !bytes.Equal(request, want) {
			t.Errorf("%s: the request is %x, want %x", tt.name, request, want)
		}
		response := tt.bytes(t, tt.response)
		got, err := p.Read(request, response, Arrival{Time: now.Add(500 * time.Millisecond)})
		if got != tt.want || err != nil {
			t.Errorf("%s: %x means %q, %v; want %q", tt.name, response, got, err, tt.want)
		}
		if text, err := p.Read(request, tt.bytes(t, tt.wrong), Arrival{}); err == nil {
			t.Errorf("%s: the wrong response %q means %q", tt.name, tt.wrong, text)
		}
	}
	for _, p := range All() {
		if !slices.Contains(tested, p.Name) {
			t.Errorf("%s has no test", p.Name)
		}
	}
}

// Each truncated response is wrong, unless the protocol does not say where a response ends.
func TestTruncatedResponses(t *testing.T) {
	open := map[string]bool{
		"agnhost": true, // each part of a host name is a host name
		"quic":    true, // the list of versions has no length
	}
	for _, tt := range probeTests {
		p, _ := Find(tt.name)
		request, response := p.Request(nil, 1, now), tt.bytes(t, tt.response)
		for n := range response {
			if p.ResponseKey != nil {
				p.ResponseKey(nil, response[:n])
			}
			text, err := p.Read(request, response[:n], Arrival{})
			if err == nil && (!open[tt.name] || text == tt.want || n == 0) {
				t.Errorf("%s: the first %d bytes of %x mean %q", tt.name, n, response, text)
			}
		}
	}
}

// Requests with different numbers have different keys, and a response has the key of its request.
func TestKeys(t *testing.T) {
	for _, p := range All() {
		if p.RequestKey == nil {
			continue
		}
		seen := make(map[string]bool)
		for n := 1; n <= 256; n++ {
			key := string(p.RequestKey(nil, p.Request(nil, n, now)))
			if seen[key] {
				t.Errorf("%s: request %d has the key %x of an earlier one", p.Name, n, key)
			}
			seen[key] = true
		}
	}
	for _, tt := range probeTests {
		p, _ := Find(tt.name)
		if p.RequestKey == nil || tt.name == "stun" { // the response of RFC 5769 has another ID
			continue
		}
		want := p.RequestKey(nil, p.Request(nil, 1, now))
		response := tt.bytes(t, tt.response)
		if strings.Contains(tt.want, "kiss") {
			continue // it repeats no time stamp in this test
		}
		if got, ok := p.ResponseKey(nil, response); !ok || !bytes.Equal(got, want) {
			t.Errorf("%s: the response has the key %x, want %x", tt.name, got, want)
		}
		if _, ok := p.ResponseKey(nil, nil); ok {
			t.Errorf("%s: an empty datagram has a key", tt.name)
		}
	}
}

// FuzzRead checks that no datagram makes a probe fail or read beyond its end.
func FuzzRead(f *testing.F) {
	for _, tt := range probeTests {
		if digits, ok := strings.CutPrefix(tt.response, "0x"); ok {
			b, _ := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
			f.Add(b)
		} else {
			f.Add([]byte(tt.response))
		}
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		for _, p := range All() {
			request := p.Request(nil, 1, now)
			if text, err := p.Read(request, response, Arrival{Time: now}); err == nil && text == "" {
				t.Errorf("%s: %x means nothing", p.Name, response)
			}
			if p.ResponseKey != nil {
				p.ResponseKey(nil, response)
			}
		}
	})
}
