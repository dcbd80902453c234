package exporter

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
)

// startBlackbox starts Debian's blackbox exporter with a configuration and returns its URL.
func startBlackbox(t *testing.T, config string) string {
	t.Helper()
	program := daemon.Find(t, "prometheus-blackbox-exporter")
	file := filepath.Join(t.TempDir(), "blackbox.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return "http://" + daemon.StartHTTP(t, program, func(port uint16) []string {
		return []string{"--config.file=" + file, fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port)}
	}, "/-/healthy").String()
}

var sampleLine = regexp.MustCompile(`(?m)^(probe_\w+(?:\{.*\})?) (\S+)$`)

// metricsOf probes a target with an exporter, and returns the metrics.
func metricsOf(t *testing.T, exporter, module, target string) map[string]string {
	t.Helper()
	status, body := fetch(t, "GET", exporter+"/probe?"+url.Values{"module": {module}, "target": {target}}.Encode())
	if status != 200 {
		t.Fatalf("%s: status %d: %s", exporter, status, body)
	}
	all := make(map[string]string)
	for _, m := range sampleLine.FindAllStringSubmatch(body, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// respondUDP starts a server that passes each request to answer, which sends the responses, and
// returns its address.
func respondUDP(t *testing.T, answer func(c *net.UDPConn, client *net.UDPAddr, request []byte)) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends when the socket is closed
		defer close(ended)
		buf := make([]byte, 2000)
		for {
			n, client, err := c.ReadFromUDP(buf)
			if err != nil {
				return
			}
			answer(c, client, bytes.Clone(buf[:n]))
		}
	}()
	t.Cleanup(func() { c.Close(); <-ended })
	return c.LocalAddr().String()
}

// dnsResponse returns the response to a query, without records.
func dnsResponse(query []byte) []byte {
	response := bytes.Clone(query)
	response[2] |= 0x80               // a response
	response[10], response[11] = 0, 0 // no additional records
	end := 12
	for response[end] != 0 {
		end += 1 + int(response[end])
	}
	return response[:end+5]
}

// TestBlackboxVerdict probes DNS servers with Debian's blackbox exporter and with ohce.
func TestBlackboxVerdict(t *testing.T) {
	t.Parallel()
	blackbox := startBlackbox(t, `
modules:
  dns:
    prober: dns
    timeout: 1s
    dns: {transport_protocol: udp, query_name: ".", query_type: NS, preferred_ip_protocol: ip4}
`)
	_, ours := start(t, "modules: {dns: {prober: udp, timeout: 1s, udp: {probe: dns, preferred_ip_protocol: ip4}}}", nil)
	type server = func(c *net.UDPConn, client *net.UDPAddr, request []byte)
	later := func(delay time.Duration) server {
		return func(c *net.UDPConn, client *net.UDPAddr, request []byte) {
			time.AfterFunc(delay, func() { c.WriteToUDP(dnsResponse(request), client) })
		}
	}
	for _, tt := range []struct {
		name   string
		server server // nil: no server
		want   string
	}{
		{"up", later(0), "1"},
		{"slow", later(300 * time.Millisecond), "1"},
		{"too slow", later(1500 * time.Millisecond), "0"},
		{"down", nil, "0"},
		{"silent", func(*net.UDPConn, *net.UDPAddr, []byte) {}, "0"},
		{"wrong", func(c *net.UDPConn, client *net.UDPAddr, _ []byte) {
			c.WriteToUDP([]byte("this is no response of DNS"), client)
		}, "0"},
		{"truncated", func(c *net.UDPConn, client *net.UDPAddr, request []byte) {
			c.WriteToUDP(request[:5], client)
		}, "0"},
		{"wrong identifier, then right", func(c *net.UDPConn, client *net.UDPAddr, request []byte) {
			other := dnsResponse(request)
			other[0] ^= 1
			c.WriteToUDP(other, client)
			c.WriteToUDP(dnsResponse(request), client)
		}, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := deadAddr(t)
			if tt.server != nil {
				target = respondUDP(t, tt.server)
			}
			theirs, mine := metricsOf(t, blackbox, "dns", target), metricsOf(t, ours, "dns", target)
			if theirs["probe_success"] != tt.want || mine["probe_success"] != tt.want {
				t.Errorf("success: blackbox exporter %s, ohce %s, want %s", theirs["probe_success"],
					mine["probe_success"], tt.want)
			}
			for _, name := range []string{"probe_duration_seconds", "probe_dns_lookup_time_seconds", "probe_ip_protocol", "probe_ip_addr_hash"} {
				if theirs[name] == "" || mine[name] == "" {
					t.Errorf("%s: blackbox exporter %q, ohce %q", name, theirs[name], mine[name])
				}
			}
			if theirs["probe_ip_protocol"] != mine["probe_ip_protocol"] {
				t.Errorf("probe_ip_protocol: %s and %s", theirs["probe_ip_protocol"], mine["probe_ip_protocol"])
			}
		})
	}
}

// deadAddr returns a loopback address without a server.
func deadAddr(t *testing.T) string {
	t.Helper()
	c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) // connected to another port, so it receives no request
	return c.LocalAddr().String()
}

// tcpModules is a file of the blackbox exporter for a text protocol.
const tcpModules = `
modules:
  game:
    prober: tcp
    timeout: 2s
    tcp:
      preferred_ip_protocol: "ip4"
      ip_protocol_fallback: true
      source_ip_address: "127.0.0.1"
      query_response:
        - send: "HELLO"
        - expect: "^WELCOME (.*)$"
          send: "NAME ${1}"
        - expect: "^BYE$"
          starttls: false
      tls: false
  other:
    prober: tcp
    timeout: 500ms
    tcp:
      query_response:
        - send: "HELLO"
        - expect: "^220 "
`

// gameAnswer returns the answer to a line of a text protocol.
func gameAnswer(line string) string {
	switch strings.TrimSpace(line) {
	case "HELLO":
		return "NOTICE\r\nWELCOME player\r\n"
	case "NAME player":
		return "BYE\r\n"
	default:
		return "WHAT\r\n"
	}
}

// TestBlackboxModules probes a text protocol with the same modules: over TCP with Debian's blackbox
// exporter, and over UDP with ohce.
func TestBlackboxModules(t *testing.T) {
	t.Parallel()
	blackbox := startBlackbox(t, tcpModules)
	_, ours := start(t, strings.NewReplacer("prober: tcp", "prober: udp", "tcp:", "udp:").Replace(tcpModules), nil)
	tcp := respondTCP(t)
	udp := respondUDP(t, func(c *net.UDPConn, client *net.UDPAddr, request []byte) {
		c.WriteToUDP([]byte(gameAnswer(string(request))), client)
	})
	for module, want := range map[string]string{"game": "1", "other": "0"} {
		theirs, mine := metricsOf(t, blackbox, module, tcp), metricsOf(t, ours, module, udp)
		if theirs["probe_success"] != want || mine["probe_success"] != want {
			t.Errorf("%s: success: blackbox exporter %s, ohce %s, want %s", module, theirs["probe_success"],
				mine["probe_success"], want)
		}
		for name := range theirs {
			if mine[name] == "" {
				t.Errorf("%s: ohce has no %s", module, name)
			}
		}
	}
}

// respondTCP starts a server of the text protocol over TCP and returns its address.
func respondTCP(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends when the listener is closed
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(2 * time.Second))
			for in := bufio.NewScanner(c); in.Scan(); {
				fmt.Fprint(c, gameAnswer(in.Text()))
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return l.Addr().String()
}
