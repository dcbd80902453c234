//go:build priv && linux

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/netns"
)

// twoPaths returns a client, and a router with two paths of equal cost to a server. The router chooses
// the path by the addresses and ports. The server drops everything that arrives through the second
// path. It answers through the first one. Its addresses are 203.0.113.1 and 2001:db8:9::1.
func twoPaths(t *testing.T) (client, router, server netns.Host) {
	t.Helper()
	client, router, server = netns.New(t, "client"), netns.New(t, "router"), netns.New(t, "server")
	clientEnd, routerEnd := netns.Link(t, client, "client0", router, "router0")
	clientEnd.AddAddrs(t, "192.0.2.2/24", "2001:db8:1::2/64")
	routerEnd.AddAddrs(t, "192.0.2.1/24", "2001:db8:1::1/64")
	clientEnd.IP(t, "route add default via 192.0.2.1")
	clientEnd.IP(t, "route add default via 2001:db8:1::1")
	router.Forward(t)
	// Policy 1 uses addresses and ports as well. However, a virtual link keeps the hash that the kernel
	// of the client has stored with the packet, and policy 1 prefers it to the ports. With policy 3 and
	// these fields (Linux 5.14), the router hashes addresses, protocol and ports as a real one does.
	router.Sysctl(t, "net.ipv4.fib_multipath_hash_policy=3", "net.ipv4.fib_multipath_hash_fields=0x37",
		"net.ipv6.fib_multipath_hash_policy=3", "net.ipv6.fib_multipath_hash_fields=0x37")
	server.Sysctl(t, "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
	hops4, hops6 := "", ""
	for path := 1; path <= 2; path++ {
		r, s := netns.Link(t, router, fmt.Sprint("path", path), server, fmt.Sprint("server", path))
		r.AddAddrs(t, fmt.Sprintf("198.51.100.%d/30", 4*path+1), fmt.Sprintf("2001:db8:2:%d::1/64", path))
		s.AddAddrs(t, fmt.Sprintf("198.51.100.%d/30", 4*path+2), fmt.Sprintf("2001:db8:2:%d::2/64", path))
		hops4 += fmt.Sprintf(" nexthop via 198.51.100.%d", 4*path+2)
		hops6 += fmt.Sprintf(" nexthop via 2001:db8:2:%d::2", path)
	}
	netns.Host{Name: server.Name, Device: "lo"}.AddAddrs(t, "203.0.113.1/32", "2001:db8:9::1/128")
	server.IP(t, "route add default via 198.51.100.5")
	server.IP(t, "route add default via 2001:db8:2:1::1")
	router.IP(t, "route add 203.0.113.1"+hops4)
	router.IP(t, "route add 2001:db8:9::1"+hops6)
	server.Exec(t, "nft", `add table inet test; add chain inet test in { type filter hook input priority 0; };
		add rule inet test in iifname server2 meta l4proto udp drop`)
	router.Exec(t, "nft", `add table inet test; add set inet test ports { type inet_service; };
		add chain inet test out { type filter hook postrouting priority 0; };
		add rule inet test out oifname path2 add @ports { udp sport }`)
	return client, router, server
}

// portsSeen returns the source ports of the datagrams that the router has sent through the second path,
// and forgets them.
func portsSeen(t *testing.T, router netns.Host) (ports []uint16) {
	t.Helper()
	out, err := exec.Command("ip", "netns", "exec", router.Name, "nft", "list set inet test ports").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(out), "elements = {")
	for _, field := range strings.FieldsFunc(list, func(r rune) bool { return r < '0' || r > '9' }) {
		port, err := strconv.ParseUint(field, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, uint16(port))
	}
	slices.Sort(ports)
	router.Exec(t, "nft", "flush set inet test ports")
	return ports
}

// portsOnPath returns the source ports that the kernel of the router would send through the second path
// now. For IPv6, Linux 6.18 computes another path here than for a packet.
func portsOnPath(t *testing.T, router netns.Host, from, to string, first, n int) (ports []uint16) {
	t.Helper()
	for port := first; port < first+n; port++ {
		out, err := exec.Command("ip", "-n", router.Name, "route", "get", to, "from", from, "iif", "router0",
			"ipproto", "udp", "sport", strconv.Itoa(port), "dport", "3000").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), "dev path2") {
			ports = append(ports, uint16(port))
		}
	}
	return ports
}

// TestPrivSourcePorts checks that ohce ping --source-ports names exactly the ports whose path loses
// everything, according to the router.
func TestPrivSourcePorts(t *testing.T) {
	client, router, server := twoPaths(t)
	servingIn(t, server, "--listen", "203.0.113.1:3000", "--listen", "[2001:db8:9::1]:3000")
	for _, tt := range []struct{ name, from, to, target string }{
		{"IPv4", "192.0.2.2", "203.0.113.1", "203.0.113.1:3000"},
		{"IPv6", "2001:db8:1::2", "2001:db8:9::1", "[2001:db8:9::1]:3000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const ports = 64
			cmd := exec.Command("ip", "netns", "exec", client.Name, "ohce", "ping", "--json", "-c", "2", "-i", "2ms",
				"-W", "500ms", "--source", ":20000", "--source-ports", strconv.Itoa(ports), tt.target)
			out, err := cmd.Output()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != exitFail {
				t.Fatalf("%v\n%s", err, out)
			}
			want := portsSeen(t, router)
			if len(want) < ports/8 || len(want) > ports*7/8 {
				t.Fatalf("%d of %d ports use the second path", len(want), ports)
			}
			if tt.name == "IPv4" {
				if kernel := portsOnPath(t, router, tt.from, tt.to, 20000, ports); !slices.Equal(kernel, want) {
					t.Errorf("the ports %v used the second path, and the kernel says %v", want, kernel)
				}
			}
			answered, failed := portResults(t, out)
			if !slices.Equal(failed, want) || len(answered)+len(failed) != ports {
				t.Errorf("the ports %v failed, and %v are on the broken path", failed, want)
			}
		})
	}
}

// portResults returns the ports that were answered and those that lost all requests.
func portResults(t *testing.T, out []byte) (answered, lost []uint16) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var v struct {
			Port   uint16
			Result string
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch v.Result {
		case "answered":
			answered = append(answered, v.Port)
		case "lost":
			lost = append(lost, v.Port)
		}
	}
	return answered, lost
}
