package exporter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// parse parses a file that must be valid.
func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return c
}

// The file has the keys of the blackbox exporter and those of ohce.
func TestParse(t *testing.T) {
	c := parse(t, `
modules:
  ssh: &ssh
    prober: udp
    timeout: 3s
    udp:
      preferred_ip_protocol: "ip4"
      ip_protocol_fallback: false
      source_ip_address: "127.0.0.1"
      tls: false
      tls_config: {}
      query_response:
        - send: "PING"
          starttls: false
        - expect: "^SSH-2.0-(.*)$"
          labels:
            - name: version
              value: "${1}"
        - expect_bytes: "abc"
  ntp:
    prober: udp
    udp: {probe: ntp, count: 5, interval: 20ms, wait: 1s, linger: 0s, buffer_size: 100}
  again:
    <<: *ssh
    timeout: 1s
targets:
  - {target: 192.0.2.1, module: ntp}
  - {target: "[2001:db8::1]:22", module: ssh, interval: 250ms}
`)
	ssh, ntp, again := c.Modules["ssh"], c.Modules["ntp"], c.Modules["again"]
	u := &ssh.UDP
	if ssh.Timeout != 3*time.Second || !u.PreferIPv4 || u.Fallback || u.Source.String() != "127.0.0.1" ||
		u.Count != 1 || u.Linger != defaultLinger || u.BufferSize != defaultBufferSize || !u.regex || !u.bytes {
		t.Errorf("ssh is %+v", ssh)
	}
	u = &ntp.UDP
	if ntp.Timeout != defaultTimeout || u.PreferIPv4 || !u.Fallback || u.Count != 5 || u.Interval != 20*time.Millisecond ||
		u.Wait != time.Second || u.Linger != 0 || u.BufferSize != 100 || u.port != 123 {
		t.Errorf("ntp is %+v", ntp)
	}
	if again.Timeout != time.Second || again.UDP.dialog == nil || !again.UDP.PreferIPv4 {
		t.Errorf("again is %+v", again)
	}
	if len(c.Targets) != 2 || c.Targets[0].Interval != time.Second || c.Targets[1].Interval != 250*time.Millisecond {
		t.Errorf("the targets are %+v", c.Targets)
	}
}

func TestDefault(t *testing.T) {
	want := []string{
		"agnhost", "coap", "dns", "dtls", "echo", "flip", "memcached", "ntp", "qcmp", "quic", "sip", "snmp",
		"source", "stun",
	}
	for _, c := range []*Config{Default(), parse(t, "modules:\n"), parse(t, "modules: {}\n---\n")} {
		if got := c.sortedNames(); !slices.Equal(got, want) {
			t.Errorf("the modules are %v, want %v", got, want)
		}
	}
}

// An error names the line and, unless the file is not YAML at all, the column.
func TestParseErrors(t *testing.T) {
	const udp = "modules:\n  m:\n    prober: udp\n"
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "1: the file has no content"},
		{"comment", "# only a comment\n", "1: the file has no content"},
		{"null", "---\n", "1: the file has no content"},
		{"second document", "modules: {}\n---\ntargets: []\n", "3:1: the file has a second document"},
		{"wrong second document", "modules: {}\n---\na: b: c\n", "3: mapping values are not allowed in this context"},
		{"empty name", "modules:\n  \"\": {prober: udp, udp: {probe: dns}}\n", "2:3: a module has no name"},
		{"tab", "modules:\n\tm: 1\n", "2: found character that cannot start any token"},
		{"colon", "modules:\n  m: a: b\n", "2: mapping values are not allowed in this context"},
		{"list", "- modules\n", "1:1: the file is a list, want a mapping"},
		{"key", "modules: {}\nmodule: {}\n", `2:1: unknown key "module" in the file`},
		{"module", "modules:\n  m: 5\n", `2:6: module m is "5", want a mapping`},
		{"module key", udp + "    time: 5s\n", `4:5: unknown key "time" in module m`},
		{"prober", "modules:\n  m:\n    prober: http\n", `3:13: prober is "http", but only udp is supported`},
		{"no prober", "modules:\n  m: {timeout: 1s}\n", `2:3: module "m" has no prober`},
		{"nothing to send", udp, `2:3: module "m" sends nothing`},
		{"empty section", udp + "    udp:\n", `2:3: module "m" sends nothing`},
		{"empty steps", udp + "    udp: {query_response: []}\n", `2:3: module "m" sends nothing`},
		{"twice", udp + "    prober: udp\n", `4:5: "prober" is given twice, first in line 3`},
		{"timeout", udp + "    timeout: 5\n", `4:14: timeout is "5", want a time`},
		{"long timeout", udp + "    timeout: 1h\n", "4:14: timeout is 1h0m0s, want 1ms to 2m0s"},
		{"udp key", udp + "    udp: {probes: dns}\n", `4:11: unknown key "probes" in udp`},
		{"probe", udp + "    udp: {probe: smtp}\n", `4:18: unknown probe "smtp"`},
		{"both", udp + "    udp: {probe: dns, query_response: [{send: a}]}\n", "4:18: udp has both probe and query_response"},
		{"count", udp + "    udp: {probe: dns, count: 0}\n", "4:30: count is 0, want 1 to 1000"},
		{"no number", udp + "    udp: {probe: dns, count: many}\n", `4:30: count is "many", want a number`},
		{"count and timeout", udp + "    udp: {probe: dns, count: 100}\n", "2:3: module \"m\": the last request is due after 9.9s"},
		{"wait", udp + "    timeout: 1s\n    udp: {probe: dns, wait: 2s}\n", "2:3: module \"m\": wait is 2s"},
		{"family", udp + "    udp: {probe: dns, preferred_ip_protocol: 4}\n", `4:46: preferred_ip_protocol is "4", want ip4 or ip6`},
		{"boolean", udp + "    udp: {probe: dns, ip_protocol_fallback: perhaps}\n", `4:45: ip_protocol_fallback is "perhaps", want true or false`},
		{"source", udp + "    udp: {probe: dns, source_ip_address: eth0}\n", `4:42: source_ip_address is "eth0", want an IP address`},
		{"tls", udp + "    udp: {probe: dns, tls: true}\n", "4:28: tls needs TCP"},
		{"starttls", udp + "    udp: {query_response: [{send: a, starttls: true}]}\n", "4:48: starttls needs TCP"},
		{"response first", udp + "    udp:\n      query_response:\n        - expect: a\n", "6:11: query_response begins with a response"},
		{"regex", udp + "    udp: {query_response: [{send: a}, {expect: \"a(\"}]}\n", "4:48: expect: missing closing ): `a(`"},
		{"hex", udp + "    udp: {query_response: [{send_hex: abc}]}\n", "4:39: send_hex: odd length hex string"},
		{"binary", udp + "    udp: {query_response: [{send: !!binary \"*\"}]}\n", "4:35: send is not encoded in Base64"},
		{"label alone", udp + "    udp: {query_response: [{send: a, labels: [{name: a}]}]}\n", "4:46: labels need expect in the same step"},
		{"label name", udp + "    udp: {query_response: [{send: a}, {expect: a, labels: [{name: a-b}]}]}\n", "4:67: invalid name \"a-b\" of a label"},
		{"label with a digit", udp + "    udp: {query_response: [{send: a}, {expect: a, labels: [{name: 1a}]}]}\n", "4:67: invalid name \"1a\" of a label"},
		{"reserved label", udp + "    udp: {query_response: [{send: a}, {expect: a, labels: [{name: __a}]}]}\n", "invalid name \"__a\" of a label"},
		{"group in send", udp + "    udp: {query_response: [{send: a}, {expect: ^(a), send: \"${7} $1\"}]}\n", "4:60: send has ${7}, but expect has no such group"},
		{"group before a letter", udp + "    udp: {query_response: [{send: a}, {expect: ^(a), send: $1x}]}\n", "4:60: send has $1x, but expect has no such group"},
		{"group in label", udp + "    udp: {query_response: [{send: a}, {labels: [{name: a, value: \"${who}\"}], expect: \"^(?P<you>a)\"}]}\n", "4:66: value has ${who}, but expect has no such group"},
		{"no groups", udp + "    udp: {query_response: [{send: a}, {expect: a, labels: [{name: a, value: \"${1}\"}]}]}\n", "4:77: value has ${1}, but expect has no such group"},
		{"group of no step", udp + "    udp: {query_response: [{send: \"a${1}\"}]}\n", "4:35: send has ${1}, but its step has no expect"},
		{"same label", udp + "    udp:\n      query_response:\n        - {send: a}\n        - {expect: b, labels: [{name: a}]}\n" +
			"        - {expect: c, labels: [{name: a}]}\n", "8:32: label \"a\" is given twice, first in line 7"},
		{"target", "targets: [{module: dns}]\n", "1:11: a target has no address"},
		{"target's module", "targets: [{target: 'a:1', module: nix}]\n", "1:35: unknown module \"nix\""},
		{"no module", "targets: [{target: 'a:1'}]\n", "1:11: target \"a:1\" has no module"},
		{"no port", "targets:\n- target: localhost\n  module: flip\n", "2:11: target \"localhost\" has no port"},
		{"port", "targets:\n- target: localhost:70000\n  module: flip\n", "2:11: target \"localhost:70000\": there is no port \"70000\""},
		{"interval", "targets:\n- target: localhost:1\n  module: flip\n  interval: 1ms\n", "4:13: interval is 1ms, want 10ms to 1h0m0s"},
		{"same target", "targets:\n- {target: 'a:1', module: flip}\n- {target: 'a:1', module: flip}\n", "3:3: target \"a:1\" with module \"flip\" is given twice, first in line 2"},
		{"recursive alias", "modules:\n  m: &m\n    <<: *m\n", "more than 10 mappings are merged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text))
			var e *Error
			if !errors.As(err, &e) || e.Line == 0 || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q in:\n%s", err, tt.want, tt.text)
			}
		})
	}
}

// The hint says how to turn a TCP module into one for UDP, and what has the other probers.
func TestProberHint(t *testing.T) {
	for prober, want := range map[string]string{
		"tcp": "write prober: udp, and udp: instead of tcp:", "icmp": "the blackbox exporter has the other probers",
	} {
		_, err := Parse([]byte("modules: {m: {prober: " + prober + "}}"))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Hint, want) {
			t.Errorf("%s: the error is %+v, want the hint %q", prober, e, want)
		}
	}
}

func TestLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "modules.yml")
	if _, err := Load(name); err == nil || err.Error() != name+": cannot read the file: no such file or directory" {
		t.Errorf("the error of a missing file is %v", err)
	}
	if err := os.WriteFile(name, []byte("modules: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(name); err == nil || err.Error() != name+`:1:10: modules is "1", want a mapping` {
		t.Errorf("the error of a wrong file is %v", err)
	}
	if err := os.WriteFile(name, make([]byte, maxConfig+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(name); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("the error of a long file is %v", err)
	}
}

func TestAddress(t *testing.T) {
	c := Default()
	for _, tt := range []struct{ module, target, want string }{
		{"dns", "192.0.2.1", "192.0.2.1 53"},
		{"dns", "192.0.2.1:54", "192.0.2.1 54"},
		{"dns", "2001:db8::1", "2001:db8::1 53"},
		{"dns", "[2001:db8::1]", "2001:db8::1 53"},
		{"dns", "ns.example", "ns.example 53"},
		{"dns", "[2001:db8::1]:54", "2001:db8::1 54"},
		{"flip", "localhost:3000", "localhost 3000"},
		{"flip", "localhost", "has no port"},
		{"flip", "localhost:", "there is no port"},
		{"flip", "localhost:0", "there is no port"},
		{"flip", "localhost:http", "there is no port"},
		{"flip", ":3000", "has no host"},
		{"flip", "::1:3000", "needs brackets"},
		{"dns", "::1:3000", "::1:3000 53"},
		{"dns", "2001:db8:0:0:0:0:0:1:53", "needs brackets"},
		{"dns", "fe80::1%eth0", "fe80::1%eth0 53"},
		{"flip", "[::1]", "has no port"},
		{"flip", "http://127.0.0.1:3000", "is a URL"},
		{"dns", "udp://127.0.0.1", "is a URL"},
		{"flip", "127.0.0.1:3000/", "has a path"},
		{"dns", "127.0.0.1/a", "has a path"},
		{"flip", strings.Repeat("a", 300) + ":1", "the target has 302 bytes"},
	} {
		got, err := c.Modules[tt.module].address(tt.target)
		text := fmt.Sprint(got.host, " ", got.port)
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, tt.want) || (err == nil) != (text == tt.want) {
			t.Errorf("%s %.30q: %q, want %q", tt.module, tt.target, text, tt.want)
		}
	}
}

// FuzzParse checks that a file of any content gives a configuration or an error with a line.
func FuzzParse(f *testing.F) {
	f.Add([]byte("modules:\n  m:\n    prober: udp\n    udp: {probe: dns, count: 3}\n"))
	f.Add([]byte("modules: &a {m: &m {<<: [*m], prober: udp, udp: {query_response: [{send: a}, {expect: .}]}}}\n"))
	f.Add([]byte("targets: [{target: 'localhost:1', module: flip, interval: 20ms}]\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("modules: {m: {prober: udp, udp: {query_response: [{send: !!binary AAE=, expect_hex: 0a}]}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		var e *Error
		switch {
		case err == nil && len(c.Modules) == 0:
			t.Error("no modules")
		case err != nil && (!errors.As(err, &e) || e.Line == 0):
			t.Errorf("the error %v has no line", err)
		}
	})
}
