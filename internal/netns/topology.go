//go:build priv && linux

package netns

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// New creates a host without links and removes it at the end of the test. It skips the test if the
// process is not root. role is a short name for the host.
func New(t *testing.T, role string) Host {
	t.Helper()
	AsRoot(t)
	h := Host{Name: fmt.Sprintf("ohce-%s-%d-%d", role, os.Getpid(), number.Add(1))}
	Run(t, "ip", "netns", "add", h.Name)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", h.Name).Run() })
	h.IP(t, "link set lo up")
	return h
}

// Link connects two hosts by a virtual Ethernet link and returns them with the ends of the link as
// their devices. The ends have the addresses fe80::1 and fe80::2, because a router without a link-local
// address does not resolve the next hop of IPv6 packets.
func Link(t *testing.T, a Host, aDevice string, b Host, bDevice string) (aEnd, bEnd Host) {
	t.Helper()
	Run(t, "ip", "link", "add", aDevice, "netns", a.Name, "type", "veth", "peer", "name", bDevice,
		"netns", b.Name)
	ends := []Host{{a.Name, aDevice}, {b.Name, bDevice}}
	for i, h := range ends {
		h.IP(t, "link set "+h.Device+" addrgenmode none")
		h.IP(t, "link set "+h.Device+" up")
		h.AddAddrs(t, fmt.Sprintf("fe80::%d/64", i+1))
	}
	return ends[0], ends[1]
}

// Sysctl sets a kernel parameter, in the form "name=value", in the host.
func (h Host) Sysctl(t *testing.T, settings ...string) {
	t.Helper()
	for _, s := range settings {
		h.Exec(t, "sysctl", "-q", "-w", s)
	}
}

// Forward makes the host forward packets of both families.
func (h Host) Forward(t *testing.T) {
	t.Helper()
	h.Sysctl(t, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
}
