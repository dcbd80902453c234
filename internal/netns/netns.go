//go:build priv && linux

package netns

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// A Host is a network namespace with one end of a wire, and addresses on it.
type Host struct {
	Name   string // of the namespace
	Device string
}

var number atomic.Int32

// Two makes two hosts with a wire between them. The server has 192.0.2.1, 192.0.2.3, 2001:db8::1,
// 2001:db8::3 and fe80::1, the client 192.0.2.2, 2001:db8::2 and fe80::2; all of them may be used at
// once. They are removed at the end of the test, however it ends.
func Two(t *testing.T) (server, client Host) {
	t.Helper()
	AsRoot(t)
	n := number.Add(1)
	server = Host{fmt.Sprintf("ohce-s-%d-%d", os.Getpid(), n), "ohce0"}
	client = Host{fmt.Sprintf("ohce-c-%d-%d", os.Getpid(), n), "ohce1"}
	for _, h := range []Host{server, client} {
		Run(t, "ip", "netns", "add", h.Name)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", h.Name).Run() })
	}
	Run(t, "ip", "link", "add", server.Device, "netns", server.Name, "type", "veth", "peer", "name",
		client.Device, "netns", client.Name)
	for _, h := range []Host{server, client} {
		// Link-local addresses are given, not made, so that no check for duplicates holds them back.
		h.IP(t, "link set "+h.Device+" addrgenmode none")
		h.IP(t, "link set lo up")
		h.IP(t, "link set "+h.Device+" up")
	}
	server.AddAddrs(t, "192.0.2.1/24", "192.0.2.3/24", "2001:db8::1/64", "2001:db8::3/64", "fe80::1/64")
	client.AddAddrs(t, "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64")
	return server, client
}

// AddAddrs gives the host more addresses.
func (h Host) AddAddrs(t *testing.T, prefixes ...string) {
	t.Helper()
	for _, p := range prefixes {
		args := "addr add " + p + " dev " + h.Device
		if strings.Contains(p, ":") {
			args += " nodad"
		}
		h.IP(t, args)
	}
}

// IP runs ip(8) in the host.
func (h Host) IP(t *testing.T, args string) {
	t.Helper()
	Run(t, "ip", append([]string{"-n", h.Name}, strings.Fields(args)...)...)
}

// Exec runs a program in the host.
func (h Host) Exec(t *testing.T, name string, args ...string) {
	t.Helper()
	Run(t, "ip", append([]string{"netns", "exec", h.Name, name}, args...)...)
}

// Run runs a program; the test ends if it fails.
func Run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// AsRoot skips a test where it cannot run, but not in CI.
func AsRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatal("CI must run this as root")
	default:
		t.Skip("needs root")
	}
}

// Do runs f in the host, on a thread of its own. Sockets stay in the host that they were made in,
// whoever uses them later; goroutines that f starts run outside.
func (h Host) Do(t *testing.T, f func() error) {
	t.Helper()
	Apart(t, func() error {
		if err := h.enter(); err != nil {
			return err
		}
		return f()
	})
}

// Apart runs f on a thread of its own. It is never unlocked, so it ends with the goroutine, and
// nothing else runs there.
func Apart(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func (h Host) enter() error {
	f, err := os.Open(filepath.Join("/run/netns", h.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("setns", unix.Setns(int(f.Fd()), unix.CLONE_NEWNET))
}
