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

// A Host is a network namespace with one end of a virtual Ethernet link.
type Host struct {
	Name   string // name of the namespace
	Device string // name of the interface
}

// number is the number of pairs created by this process.
var number atomic.Int32

// Two creates two hosts with a link between them and removes them at the end of the test. It skips
// the test if the process is not root. The addresses are usable immediately:
//
//   - server: 192.0.2.1, 192.0.2.3, 2001:db8::1, 2001:db8::3 and fe80::1
//   - client: 192.0.2.2, 2001:db8::2 and fe80::2
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
		// No automatic link-local address: AddAddrs adds them without duplicate address detection,
		// which would delay their use.
		h.IP(t, "link set "+h.Device+" addrgenmode none")
		h.IP(t, "link set lo up")
		h.IP(t, "link set "+h.Device+" up")
	}
	server.AddAddrs(t, "192.0.2.1/24", "192.0.2.3/24", "2001:db8::1/64", "2001:db8::3/64", "fe80::1/64")
	client.AddAddrs(t, "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64")
	return server, client
}

// AddAddrs adds addresses, in the form "address/bits", to the host's interface.
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

// IP runs ip(8) in the host. It splits args at spaces. If ip fails, the test ends.
func (h Host) IP(t *testing.T, args string) {
	t.Helper()
	Run(t, "ip", append([]string{"-n", h.Name}, strings.Fields(args)...)...)
}

// Exec runs a program in the host. If the program fails, the test ends.
func (h Host) Exec(t *testing.T, name string, args ...string) {
	t.Helper()
	Run(t, "ip", append([]string{"netns", "exec", h.Name, name}, args...)...)
}

// Run runs a program. If the program fails, the test ends.
func Run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// AsRoot skips the test if the process is not root. If the environment variable CI is set, it fails
// the test instead.
func AsRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatal("CI must run this test as root")
	default:
		t.Skip("needs root")
	}
}

// Do runs f in the host, on a thread of its own. If f returns an error, the test fails. A socket
// created by f remains in the host. Goroutines started by f do not run in the host.
func (h Host) Do(t *testing.T, f func() error) {
	t.Helper()
	OnThread(t, func() error {
		if err := h.enter(); err != nil {
			return err
		}
		return f()
	})
}

// OnThread runs f on a thread of its own. If f returns an error, the test fails. The runtime ends
// the thread with the goroutine of f, so f may change the state of the thread.
func OnThread(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { // ends when f returns; OnThread waits for it
		runtime.LockOSThread() // without UnlockOSThread, the thread ends with the goroutine
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// enter moves the calling thread into the host.
func (h Host) enter() error {
	f, err := os.Open(filepath.Join("/run/netns", h.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("setns", unix.Setns(int(f.Fd()), unix.CLONE_NEWNET))
}
