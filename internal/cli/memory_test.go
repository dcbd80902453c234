//go:build linux

package cli

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/testsize"
)

// mappingsEnv is the variable with the number of clients of TestMemoryOfLink. "make soak" sets it to
// 16,384.
const mappingsEnv = "OHCE_MAPPINGS"

// After 64 requests of the maximum size, the server releases their memory.
func TestMemoryOfServer(t *testing.T) {
	p := serving(t)
	c := &ohce.Client{Addr: p.addrs[0], Match: ohce.MatchExact(flip.Append), MaxInFlight: 64}
	defer c.Close()
	send := func(n, size int) {
		t.Helper()
		request := bytes.Repeat([]byte{'x'}, size)
		for r, err := range c.Stream(t.Context(), slices.Values(slices.Repeat([][]byte{request}, n))) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
		}
	}
	send(64, 65_507)
	largest := memory(t, p.cmd.Process.Pid, "VmHWM")
	send(1000, 64)
	waitForMemory(t, p.cmd.Process.Pid, largest)
}

// After many mappings have carried a burst and expired, the link releases their memory.
func TestMemoryOfLink(t *testing.T) {
	mappings := 500
	if s := os.Getenv(mappingsEnv); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", mappingsEnv, err)
		}
		mappings = n
	}
	server := serving(t)
	p, err := startLink([]string{"--listen", "127.0.0.1:0", "--to", server.addrs[0], "--api", "127.0.0.1:0",
		"--max-new-ports", "1000000", "--max-ports-per-address", "1000000",
		"--max-new-ports-per-address", "1000000", "--idle", "10s", "--delay", "100ms"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop() })
	burst := bytes.Repeat([]byte{'y'}, 1200)
	conns := make([]net.Conn, mappings)
	// The clients use ports outside the range that the system gives to mappings, which is too small
	// for both. The loopback address is derived from the process ID, so that two runs do not collide.
	pid := os.Getpid()
	ip := net.IPv4(127, byte(pid>>16|128), byte(pid>>8), byte(pid))
	for i := range conns {
		from := net.Dialer{LocalAddr: &net.UDPAddr{IP: ip, Port: 10_000 + i}}
		c, err := from.Dial("udp", p.addrs[0])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	write := func(conns []net.Conn) {
		t.Helper()
		for _, c := range conns {
			if _, err := c.Write(burst); err != nil {
				t.Fatal(err)
			}
		}
	}
	buf := make([]byte, 2000)
	for some := range slices.Chunk(conns, 256) { // small enough that no datagram is dropped
		write(some)
		for _, c := range some {
			c.SetReadDeadline(time.Now().Add(patience))
			if _, err := c.Read(buf); err != nil {
				text, _ := p.stop()
				t.Fatalf("%v\n%s", err, text)
			}
		}
	}
	for range 4 {
		write(conns)
	}
	largest := memory(t, p.cmd.Process.Pid, "VmHWM")
	waitForMemory(t, p.cmd.Process.Pid, largest)
}

// memoryLimit returns the maximum memory of a process, in KiB. The race detector needs several times as
// much.
func memoryLimit() int {
	if testsize.Race() {
		return 512 << 10
	}
	return 64 << 10
}

// waitForMemory waits until a process uses no more than memoryLimit.
func waitForMemory(t *testing.T, pid, largest int) {
	t.Helper()
	limit := memoryLimit()
	begun := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		now := memory(t, pid, "VmRSS")
		if now <= limit {
			t.Logf("%d KiB at most, %d KiB after %v", largest, now, time.Since(begun).Round(time.Millisecond))
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("%d KiB at most, still %d KiB after %v, want %d", largest, now, patience, limit)
		}
		<-tick.C
	}
}

// memory returns a field of a process's status, in KiB.
func memory(t *testing.T, pid int, field string) (kib int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), field+":")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatalf("%s in %q: %v", field, status, err)
	}
	return kib
}
