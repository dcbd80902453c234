package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/internal/probe"
	"github.com/ohce/ohce/ohcetest"
)

// A probeAnswer is a right response to the request of a probe. The parts are bytes in hexadecimal,
// "+TEXT", or "FROM:TO" for a part of the request.
var probeAnswers = map[string][]string{
	"agnhost": {"+web-1"},
	"coap":    {"7000", "2:4"},
	"dns": {"0:2", "8180 0001 0001 0000 0001", "00 0002 0001", "00 0002 0001 00000e10 0003 016100",
		"016100 0001 0001 00000e10 0004 c0000201"},
	"dtls":      {"16 feff 0000 000000000000 0017 03 00000b 0000 000000 00000b feff 08 0102030405060708"},
	"memcached": {"0:2", "0000 0001 0000", "+VERSION 1.6.18\r\n"},
	"ntp":       {"24 02 00 e7", "00000000 00000000 00000000 00000000 00000000", "40:48", "40:48", "40:48"},
	"qcmp":      {"514c4b4e 00 01 0019", "8:17", "0000000000000005 0000000000002715"},
	"quic":      {"f5 00000000 08", "15:23", "08", "6:14", "00000001 6b3343cf"},
	"sip":       {"+SIP/2.0 200 OK\r\nCall-ID: ", "sip", "+\r\nContent-Length: 2\r\n\r\nok"},
	"snmp": {"3036 020103 3011 0204", "9:13", "0203 00ffe3 0401 00 0201 03 0416",
		"3014 0405 80001f8801 020103 02020e10 0400 0400 0400 3006 0400 0400 0500"},
	"source": {"ffffffff 49 11", "+name\x00map\x00folder\x00game\x00", "0a00 03 10 00 64 6c 00 01", "+1.0\x00"},
	"stun":   {"0101 000c", "4:20", "0020 0008 0001 a147 e112a643"},
}

// openEnds has the probes of protocols that do not say where a response ends: a part of it can be a
// response, too.
var openEnds = []string{"agnhost", "quic"}

// probeAnswer returns the right response to a request of a probe.
func probeAnswer(t *testing.T, name string, request []byte) (response []byte) {
	t.Helper()
	for _, part := range probeAnswers[name] {
		var from, to int
		if text, ok := strings.CutPrefix(part, "+"); ok {
			response = append(response, text...)
		} else if part == "sip" {
			_, id, _ := bytes.Cut(request, []byte("Call-ID: "))
			id, _, _ = bytes.Cut(id, []byte("\r\n"))
			response = append(response, id...)
		} else if n, _ := fmt.Sscanf(part, "%d:%d", &from, &to); n == 2 {
			response = append(response, request[from:to]...)
		} else if b, err := hex.DecodeString(strings.ReplaceAll(part, " ", "")); err != nil {
			t.Fatalf("%s: %v", name, err)
		} else {
			response = append(response, b...)
		}
	}
	return response
}

// A scriptedPing runs ohce ping --probe NAME on an in-memory network.
type scriptedPing struct {
	probe string
	count int
	delay time.Duration // of each datagram
	// answer returns the response to a request, of which right is the right one.
	answer func(request, right []byte) []byte
}

// run returns the standard output and the exit code.
func (s *scriptedPing) run(t *testing.T) (out string, code int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		const addr = "192.0.2.7:3000"
		network := &ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			return []ohcetest.Arrival{{After: s.delay, Datagram: d}}
		}}
		network.NewPeer(addr, func(dst, request []byte) []byte {
			return append(dst, s.answer(request, probeAnswer(t, s.probe, request))...)
		})
		payload, err := probePayload(s.probe)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		f := &pingFlags{
			count: s.count, interval: time.Second, timeout: 500 * time.Millisecond, probe: s.probe,
		}
		p := (&app{out: &text}).newPinger(f, payload, addr, addr)
		p.prober.Dial = network.Dial
		var failed *failure
		if err := p.run(t.Context()); errors.As(err, &failed) {
			code = failed.code
		} else if err != nil {
			t.Error(err)
		}
		out = text.String()
	})
	return out, code
}

// check checks the output and the exit code.
func (s *scriptedPing) check(t *testing.T, what, want string, wantCode int) {
	t.Helper()
	out, code := s.run(t)
	if code != wantCode || !regexp.MustCompile(want).MatchString(out) {
		t.Errorf("%s, %s: exit code %d, want %d; want %s in\n%s", s.probe, what, code, wantCode, want,
			out)
	}
}

// wrongLine matches the line of a wrong response with a reason.
const wrongLine = `(?m)^1: WRONG ANSWER ".*", [0-9]+ bytes?: [a-z].*\n\n` +
	`1 sent, 0 answered, 0 lost \(0\.0 %\), 1 wrong$`

// TestProbeAnswers checks that ohce ping reports right, wrong, truncated and slow responses of each
// protocol as such.
func TestProbeAnswers(t *testing.T) {
	for _, p := range probe.All() {
		t.Run(p.Name, func(t *testing.T) {
			if probeAnswers[p.Name] == nil {
				t.Fatal("there is no answer to this probe")
			}
			checkRightAnswers(t, p.Name)
			checkWrongAnswers(t, &p)
			checkTruncatedAnswers(t, p.Name)
			checkSlowAnswers(t, p.Name)
		})
	}
}

func checkRightAnswers(t *testing.T, name string) {
	t.Helper()
	s := &scriptedPing{probe: name, count: 2, answer: func(_, right []byte) []byte { return right }}
	s.check(t, "right", `(?m)^2: [A-Za-z0-9].*, [0-9]+ bytes, 0\.000 ms\n\n2 sent, 2 answered`, exitOK)
}

func checkWrongAnswers(t *testing.T, p *probe.Probe) {
	t.Helper()
	for what, answer := range map[string]func(request, right []byte) []byte{
		"empty":       func(_, _ []byte) []byte { return nil },
		"a text":      func(_, _ []byte) []byte { return []byte("Hello, who are you?\r\n\r\n") },
		"zeros":       func(_, right []byte) []byte { return make([]byte, len(right)) },
		"the request": func(request, _ []byte) []byte { return request },
		"reversed": func(_, right []byte) []byte {
			b := bytes.Clone(right)
			slices.Reverse(b)
			return b
		},
		"of another request": func(_, right []byte) []byte {
			other := p.Request(nil, 99, time.Unix(1, 0))
			return probeAnswer(t, p.Name, other)
		},
	} {
		if p.Name == "agnhost" && what == "reversed" ||
			p.RequestKey == nil && what == "of another request" {
			continue // a right response
		}
		s := &scriptedPing{probe: p.Name, count: 1, answer: answer}
		s.check(t, what, wrongLine, exitWrongAnswer)
		if what == "of another request" {
			s.check(t, what, `another (request|connection ID)\n`, exitWrongAnswer)
		}
	}
}

func checkTruncatedAnswers(t *testing.T, name string) {
	t.Helper()
	request := mustFind(t, name).Request(nil, 1, time.Unix(1, 0))
	for n := range probeAnswer(t, name, request) {
		s := &scriptedPing{probe: name, count: 1, answer: func(_, right []byte) []byte {
			return right[:min(n, len(right))]
		}}
		if out, code := s.run(t); code == exitOK && slices.Contains(openEnds, name) && n > 0 {
			continue
		} else if code != exitWrongAnswer || !regexp.MustCompile(wrongLine).MatchString(out) {
			t.Errorf("%s: exit code %d for the first %d bytes:\n%s", name, code, n, out)
		}
	}
}

func checkSlowAnswers(t *testing.T, name string) {
	t.Helper()
	s := &scriptedPing{
		probe: name, count: 2, delay: 350 * time.Millisecond,
		answer: func(_, right []byte) []byte { return right },
	}
	s.check(t, "slow", `(?m)^1: TIMEOUT after 500ms\n2: TIMEOUT after 500ms\n\n2 sent, 0 answered, 1 lost `+
		`\(50\.0 %\), 1 late$`, exitFail)
	s.delay = 200 * time.Millisecond
	s.check(t, "in time", `(?m)^2: .*, 400\.000 ms$`, exitOK)
}

func mustFind(t *testing.T, name string) probe.Probe {
	t.Helper()
	p, ok := probe.Find(name)
	if !ok {
		t.Fatalf("there is no probe %s", name)
	}
	return p
}

// A QUIC server that knows no version of the probe's answers with a list. The order stays, and
// reserved versions are left out.
func TestProbeVersions(t *testing.T) {
	s := &scriptedPing{probe: "quic", count: 1, answer: func(_, right []byte) []byte {
		return binary.BigEndian.AppendUint32(right, 0x4a5a6a7a)
	}}
	s.check(t, "reserved version", `(?m)^1: versions 1, 2, 35 bytes`, exitOK)
}
