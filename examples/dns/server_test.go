package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/examples/internal/daemon"
)

// A nameServer is a DNS server of another project. The servers answer any name below example.test
// with the same addresses, and send nothing to the network.
type nameServer struct {
	program string
	args    func(config string) []string
	config  string // for fmt.Sprintf; %[1]d is the port
}

var nameServers = []nameServer{
	{
		program: "dnsmasq",
		args: func(config string) []string {
			return []string{"--keep-in-foreground", "--conf-file=" + config}
		},
		config: `port=%[1]d
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
user=root
pid-file
address=/example.test/192.0.2.7
address=/example.test/2001:db8::7
`,
	},
	{
		program: "unbound",
		args:    func(config string) []string { return []string{"-d", "-c", config} },
		config: `server:
  interface: 127.0.0.1
  port: %[1]d
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  so-rcvbuf: 4m
  local-zone: "example.test." redirect
  local-data: "example.test. IN A 192.0.2.7"
  local-data: "example.test. IN AAAA 2001:db8::7"
  module-config: "iterator"
remote-control:
  control-enable: no
`,
	},
}

// start starts the server for a test and returns its address.
func (s nameServer) start(t *testing.T) netip.AddrPort {
	t.Helper()
	path := daemon.Find(t, s.program)
	config := filepath.Join(t.TempDir(), s.program+".conf")
	args := func(port uint16) []string {
		text := fmt.Sprintf(s.config, port)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return s.args(config)
	}
	return daemon.Start(t, path, args, query(t, 1, "ready.example.test.", dnsmessage.TypeA))
}

var serverAddrs = []netip.Addr{
	netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"),
}

func TestLookup(t *testing.T) {
	for _, s := range nameServers {
		t.Run(s.program, func(t *testing.T) {
			client := &ohce.Client{Addr: s.start(t).String(), Retry: ohce.RetryAfter(20 * time.Second)}
			defer client.Close()
			for _, name := range []string{"example.test", "a.example.test.", "A.b.EXAMPLE.test"} {
				addrs, err := lookup(t.Context(), client, name)
				if err != nil || !slices.Equal(addrs, serverAddrs) {
					t.Errorf("%s: got %v, %v, want %v", name, addrs, err, serverAddrs)
				}
			}
		})
	}
}

// Each response of a real server has the key of its query, with many queries in flight on one
// socket.
func TestKeysOfServer(t *testing.T) {
	const count, inFlight = 2000, 64
	for _, s := range nameServers {
		t.Run(s.program, func(t *testing.T) {
			c, err := net.Dial("udp", s.start(t).String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.(*net.UDPConn).SetReadBuffer(4 << 20)
			pending := make(map[string]bool)
			buf := make([]byte, 1500)
			receive := func() {
				c.SetReadDeadline(time.Now().Add(20 * time.Second))
				n, err := c.Read(buf)
				if err != nil {
					t.Fatalf("%d queries are not answered: %v", len(pending), err)
				}
				key, ok := appendResponseKey(nil, buf[:n])
				if !ok || !pending[string(key)] {
					t.Fatalf("response %q answers no query", buf[:n])
				}
				delete(pending, string(key))
			}
			begun := time.Now()
			for i := range count {
				if len(pending) == inFlight {
					receive()
				}
				q := query(t, uint16(i%10), fmt.Sprintf("host-%d.example.test.", i), dnsmessage.TypeA)
				pending[string(appendRequestKey(nil, q))] = true
				if _, err := c.Write(q); err != nil {
					t.Fatal(err)
				}
			}
			for len(pending) > 0 {
				receive()
			}
			t.Logf("%.0f queries a second", count/time.Since(begun).Seconds())
		})
	}
}
