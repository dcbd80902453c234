package responder

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/probe"
)

var (
	client  = netip.MustParseAddrPort("192.0.2.7:40000")
	server  = netip.MustParseAddrPort("[2001:db8::1]:3000")
	now     = time.Unix(2, 5)
	backend = &Backend{Name: "web-1", PID: 4711, Started: time.Unix(1_700_000_000, 0)}
)

// silent is the response of a test in which there is none.
const silent = "(silent)"

// respond returns the response to a request, or silent.
func respond(t *testing.T, name, request string) string {
	t.Helper()
	s, ok := Find(name)
	if !ok {
		t.Fatalf("there is no responder %s", name)
	}
	r := Request{Data: []byte(request), Client: client, Server: server, Time: now}
	dst := []byte("> ")
	response, ok := s.Append(dst, r, backend)
	if string(r.Data) != request {
		t.Errorf("%s changed the request %q to %q", name, request, r.Data)
	}
	text, prefixed := strings.CutPrefix(string(response), "> ")
	if !prefixed || !ok && text != "" {
		t.Fatalf("%s: Append returned %q, %v for %q", name, response, ok, request)
	}
	if !ok {
		return silent
	}
	return text
}

func TestResponses(t *testing.T) {
	for _, tt := range []struct{ name, request, want string }{
		{"agnhost", "hostname", "web-1"},
		{"agnhost", " HostName\r\n", "web-1"},
		{"agnhost", "hostname now", silent},
		{"agnhost", "clientip", "192.0.2.7:40000"},
		{"agnhost", "echo Hello World", "hello world"},
		{"agnhost", "ECHO  two spaces ", " two spaces"},
		{"agnhost", "echo ÄÖÜ", "äöü"},
		{"agnhost", "echo \xff\xfe", "\xff\xfe"},
		{"agnhost", "echo \ufffd", "\ufffd"},
		{"agnhost", "echo", silent},
		{"agnhost", "echo ", silent},
		{"agnhost", "hostname" + strings.Repeat(" ", 5000), "web-1"},
		{"agnhost", "echo " + strings.Repeat("x", 5000), strings.Repeat("x", 2043)},
		{"agnhost", "Hello", silent},
		{"agnhost", "", silent},
		// Ⱥ is shorter than its lower case: the response exceeds 400 bytes of it, not 600, by 245.
		{"agnhost", "echo " + strings.Repeat("Ⱥ", 250), strings.Repeat("ⱥ", 250)},
		{"agnhost", "echo " + strings.Repeat("Ⱥ", 251), silent},
		{"identity", "", identityText(0)},
		{"identity", "Hello", identityText(5)},
	} {
		if got := respond(t, tt.name, tt.request); got != tt.want {
			t.Errorf("%s answers %.40q with %.200q, want %.200q", tt.name, tt.request, got, tt.want)
		}
	}
}

// identityText returns the response to a request of n bytes.
func identityText(n int) string {
	return `{"name":"web-1","server":"[2001:db8::1]:3000","client":"192.0.2.7:40000","pid":4711,` +
		`"started":"2023-11-14T22:13:20Z","request_bytes":` + string(rune('0'+n)) + `}`
}

// The bytes are those of Quilkin's book: magic number, version, type, length, nonce, time stamps.
func TestQCMP(t *testing.T) {
	for _, tt := range []struct{ request, want string }{
		{"514c4b4e 00 00 0009 bf 0000000063b6e957",
			"514c4b4e 00 01 0019 bf 0000000063b6e957 0000000077359405 0000000077359405"},
		{"514c4b4e 00 00 0009 bf 0000000063b6e957 00", ""}, // too long
		{"514c4b4e 00 00 0009 bf 0000000063b6e9", ""},      // too short
		{"514c4b4e 00 00 0019 bf 0000000063b6e957", ""},    // a wrong length
		{"514c4b4e 01 00 0009 bf 0000000063b6e957", ""},    // an unknown version
		{"514c4b4e 00 01 0009 bf 0000000063b6e957", ""},    // a reply
		{"51ff4b4e 00 00 0009 bf 0000000063b6e957", ""},    // another magic number
		{"", ""},
	} {
		want := silent
		if tt.want != "" {
			want = string(bytesOf(t, tt.want))
		}
		if got := respond(t, "qcmp", string(bytesOf(t, tt.request))); got != want {
			t.Errorf("the response to %s is %x, want %s", tt.request, got, tt.want)
		}
	}
}

// bytesOf returns bytes in hexadecimal, in which spaces are ignored.
func bytesOf(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The probe of the same name accepts the response to its request.
func TestProbesAcceptResponses(t *testing.T) {
	for name, want := range map[string]string{"agnhost": `host "web-1"`, "qcmp": "handled in 0s"} {
		p, _ := probe.Find(name)
		request := p.Request(nil, 1, now)
		response := []byte(respond(t, name, string(request)))
		if got, err := p.Read(request, response, probe.Arrival{}); got != want || err != nil {
			t.Errorf("the probe %s reads %q, %v from %x, want %q", name, got, err, response, want)
		}
		if p.ResponseKey == nil {
			continue
		}
		if key, ok := p.ResponseKey(nil, response); !ok || !bytes.Equal(key, p.RequestKey(nil, request)) {
			t.Errorf("the response %x has another key than the request", response)
		}
	}
}

// The longest names and addresses fit into Excess.
func TestExcess(t *testing.T) {
	long := netip.MustParseAddrPort("[fe80:1111:2222:3333:4444:5555:6666:7777%interface-names]:65535")
	b := &Backend{Name: strings.Repeat("n", maxName), PID: 1 << 32, Started: now}
	for _, tt := range []struct{ name, request string }{
		{"agnhost", "hostname"}, {"agnhost", "clientip"}, {"identity", ""},
	} {
		s, _ := Find(tt.name)
		r := Request{Data: []byte(tt.request), Client: long, Server: long, Time: now}
		response, ok := s.Append(nil, r, b)
		if !ok || len(response) > len(r.Data)+s.Excess {
			t.Errorf("%s answers %q with %d bytes, %v, want at most %d more", tt.name, tt.request,
				len(response), ok, s.Excess)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{
		"web-1": "", "WEB_1.example.org": "", strings.Repeat("n", maxName): "",
		"": "the name is empty", "a b": `invalid name "a b"`, `a"b`: `invalid name "a\"b"`,
		"ä": `invalid name "ä"`, "a\x1b": `invalid name "a\x1b"`, "a\xff": `invalid name "a\xff"`,
		strings.Repeat("n", maxName+1): "the name has 254 bytes, at most 253 are allowed",
	} {
		got := ""
		if err := CheckName(name); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("CheckName(%q) returned %q, want %q", name, got, want)
		}
	}
}

// An address is valid JSON even if the name of its network interface is not.
func TestIdentityOfStrangeInterface(t *testing.T) {
	ip := netip.MustParseAddr("fe80::1").WithZone("e\"\\\n\xff")
	s, _ := Find("identity")
	addr := netip.AddrPortFrom(ip, 1)
	response, ok := s.Append(nil, Request{Client: addr, Server: addr}, backend)
	var got struct{ Client string }
	if err := json.Unmarshal(response, &got); err != nil || !ok {
		t.Fatalf("%v, %v: %q", ok, err, response)
	}
	if want := "[fe80::1%e\"\\\n\ufffd]:1"; got.Client != want {
		t.Errorf("the client is %q, want %q", got.Client, want)
	}
}

// An IPv4-mapped address is printed as an IPv4 address.
func TestMappedAddress(t *testing.T) {
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.7]:40000")
	for name, want := range map[string]string{"agnhost": "192.0.2.7:40000", "identity": `"192.0.2.7:40000"`} {
		s, _ := Find(name)
		r := Request{Data: []byte("clientip"), Client: mapped, Server: mapped}
		if got, _ := s.Append(nil, r, backend); !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s answers with %q, want %q in it", name, got, want)
		}
	}
}

func TestAppendAllocates(t *testing.T) {
	buf := make([]byte, 0, 1024)
	requests := map[string]string{
		"agnhost": "echo Hello", "identity": "Hello",
		"qcmp": string(bytesOf(t, "514c4b4e 00 00 0009 bf 0000000063b6e957")),
	}
	for _, s := range All() {
		r := Request{Data: []byte(requests[s.Name]), Client: client, Server: server, Time: now}
		allocs := testing.AllocsPerRun(100, func() {
			if _, ok := s.Append(buf, r, backend); !ok {
				t.Errorf("%s does not answer", s.Name)
			}
		})
		if allocs != 0 {
			t.Errorf("%s allocates %v times for a request", s.Name, allocs)
		}
	}
}
