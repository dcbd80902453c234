//go:build priv && linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/netns"
)

// servingIn starts "ohce serve" in a host.
func servingIn(t *testing.T, h netns.Host, args ...string) *process {
	t.Helper()
	args = append([]string{"netns", "exec", h.Name, "ohce", "serve", "--log", "none",
		"--shards", "1"}, args...)
	p := &process{cmd: exec.Command("ip", args...)} // ip replaces itself by ohce
	if err := p.start(strings.Count(strings.Join(args, " "), "--listen ")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// connectIn returns a socket in a host that is connected to addr.
func connectIn(t *testing.T, h netns.Host, addr string) *net.UDPConn {
	t.Helper()
	var c net.Conn
	h.Do(t, func() (err error) {
		c, err = net.Dial("udp", addr)
		return err
	})
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.UDPConn)
}

// TestPrivLoopOfOnePort checks that no loop begins between two hosts whose servers have one port.
func TestPrivLoopOfOnePort(t *testing.T) {
	one, two := netns.Two(t)
	texts := loopTexts(100, func(i int) int { return 2 + i })
	first := servingIn(t, one, "--listen", "192.0.2.1:3000")
	suspend(t, first.cmd.Process)
	var forger *net.UDPConn
	two.Do(t, func() (err error) {
		forger, err = net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 3000},
			&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 3000})
		return err
	})
	if forger == nil {
		t.FailNow()
	}
	for _, text := range texts {
		if _, err := forger.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	forger.Close()
	second := servingIn(t, two, "--listen", "192.0.2.2:3000")
	if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	received, loops := loopCounts(t, first)
	others, _ := loopCounts(t, second)
	if received != 100 || loops != 100 || others != 0 {
		t.Errorf("%d and %d requests, %d dropped as loop, want 100, 0 and 100", received, others, loops)
	}
}

// TestPrivInterfaceDownAndUp checks that a server answers again after its interface was down.
// Responses that it cannot send meanwhile count as unsent.
func TestPrivInterfaceDownAndUp(t *testing.T) {
	testLostInterface(t, func(h netns.Host) { h.IP(t, "link set "+h.Device+" down") },
		func(h netns.Host) {
			h.IP(t, "link set "+h.Device+" up")
			h.AddAddrs(t, "2001:db8::1/64") // the kernel has removed it
		})
}

// TestPrivAddressRemovedAndAdded checks that a server answers again after the addresses that it has
// bound were removed.
func TestPrivAddressRemovedAndAdded(t *testing.T) {
	testLostInterface(t, func(h netns.Host) { h.IP(t, "addr flush dev "+h.Device) },
		func(h netns.Host) { h.AddAddrs(t, "192.0.2.1/24", "192.0.2.3/24", "2001:db8::1/64") })
}

// TestPrivOneAddressRemoved does the same for one address, while others still have a route.
func TestPrivOneAddressRemoved(t *testing.T) {
	testLostInterface(t, func(h netns.Host) { h.IP(t, "addr del 192.0.2.3/24 dev "+h.Device) },
		func(h netns.Host) { h.AddAddrs(t, "192.0.2.3/24") })
}

// testLostInterface sends requests, which the kernel queues, to a server on two addresses and on a
// wildcard address. It calls lose before the server answers them, and restore after it.
func testLostInterface(t *testing.T, lose, restore func(netns.Host)) {
	const queued = 100
	server, client := netns.Two(t)
	addrs := []string{"192.0.2.1:3000", "[2001:db8::1]:3000", "192.0.2.3:3001"}
	p := servingIn(t, server, "--listen", addrs[0], "--listen", addrs[1], "--listen", ":3001")
	var conns []*net.UDPConn
	for _, addr := range addrs {
		conns = append(conns, connectIn(t, client, addr))
		exchange(t, conns[len(conns)-1], 10)
	}
	suspend(t, p.cmd.Process)
	for _, c := range conns {
		for i := range queued {
			if _, err := fmt.Fprintf(c, "queued %d", i); err != nil {
				t.Fatal(err)
			}
		}
	}
	lose(server)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	other := connectIn(t, server, "127.0.0.1:3001") // through the same loop as the third address
	exchange(t, other, 10)
	restore(server)
	for _, addr := range addrs {
		awaitAnswerIn(t, client, addr)
	}
	text, err := p.stop()
	if err != nil {
		t.Fatal(err)
	}
	var received, answered, dropped, kernel int
	parseSummary(t, text, &received, &answered, &dropped, &kernel)
	t.Log(text)
	if received != answered+dropped || kernel > 0 || dropped == 0 ||
		!strings.Contains(text, fmt.Sprintf("dropped %d (unsent %[1]d)", dropped)) {
		t.Errorf("the server printed %s", text)
	}
}

// awaitAnswerIn sends requests from a host until a server answers.
func awaitAnswerIn(t *testing.T, h netns.Host, addr string) {
	t.Helper()
	c := connectIn(t, h, addr)
	for i := range 100 {
		fmt.Fprintf(c, "again %d", i)
		c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := c.Read(make([]byte, 100)); err == nil {
			return
		}
	}
	t.Fatalf("no answer from %s", addr)
}

// TestPrivFullDisk fills the disk under the log and checks that the server serves on. When the disk
// has room again, the log continues and names the number of lost lines.
func TestPrivFullDisk(t *testing.T) {
	netns.AsRoot(t)
	dir := t.TempDir()
	netns.Run(t, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir)
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	addr := freeAddr(t)
	cmd := command("serve", "--listen", addr, "--log", "each")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(2*patience, func() { cmd.Process.Kill() })
	defer killer.Stop()
	awaitAnswer(t, addr, "Hello")
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	c := connectFrom(t, "127.0.0.4", addr)
	c.SetDeadline(time.Now().Add(patience))
	exchange(t, c, 1000) // with more lines than the last page of the log has room for
	if err := filler.Truncate(0); err != nil {
		t.Fatal(err)
	}
	awaitAnswer(t, addr, "after")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	log.Seek(0, io.SeekStart)
	text, err := io.ReadAll(log)
	if err != nil || !strings.Contains(string(text), "not listed\n") || !strings.Contains(string(text), "\nreceived ") {
		t.Errorf("the log is %.3000q, %v", text, err)
	}
}
