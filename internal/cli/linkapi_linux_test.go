package cli

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link"
)

// linkWithSchedules starts ohce link with two links whose schedules have the maximum length, so
// that a response with all links has several MiB.
func linkWithSchedules(t *testing.T) *process {
	t.Helper()
	p, err := startLink([]string{"--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop() })
	preset, _ := link.FindPreset("satellite")
	phases := make([]link.Phase, linkapi.MaxPhases)
	for i := range phases {
		phases[i] = link.Phase{At: time.Duration(i) * time.Hour, Up: preset.Up, Down: preset.Down}
	}
	c := linkapi.Client{Addr: p.api}
	for range 2 {
		if _, err := c.Create(t.Context(), linkapi.Spec{To: "127.0.0.1:3000", Schedule: phases}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// Clients that request all links and do not read the response cost little memory, and the API
// still answers other clients.
func TestMemoryOfAPIWithoutReaders(t *testing.T) {
	testsize.RequireFull(t)
	t.Parallel() // it waits for most of its time
	p := linkWithSchedules(t)
	attack(t, p, "GET /links HTTP/1.1\r\nHost: "+p.api+"\r\n\r\n")
}

// Clients that send almost the longest body and then pause cost little memory, and the API still
// answers other clients.
func TestMemoryOfAPIWithSlowBodies(t *testing.T) {
	t.Parallel() // it waits for most of its time
	p := linkWithSchedules(t)
	const size = 512 << 10
	head := fmt.Sprintf("POST /links HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", p.api, size)
	attack(t, p, head+fmt.Sprintf("%*s", size-1, ""))
}

// attack opens 100 connections, or 300 in "make soak", to the API of p, writes request to each of
// them and reads nothing. It checks the memory of p, and that another client gets its responses.
func attack(t *testing.T, p *process, request string) {
	t.Helper()
	connections := 100
	if os.Getenv(soakTimeEnv) != "" {
		connections = 300
	}
	for range connections {
		conn, err := net.Dial("tcp", p.api)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.(*net.TCPConn).SetReadBuffer(4096)
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write([]byte(request)) // fails if the server has closed the connection
	}
	honest := linkapi.Client{Addr: p.api, Timeout: patience}
	for range 5 {
		if s, err := honest.Get(t.Context(), "link-1"); err != nil || s.Name != "link-1" {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	largest := memory(t, p.cmd.Process.Pid, "VmHWM")
	t.Logf("%d connections: at most %d KiB of memory", connections, largest)
	if limit := memoryLimit(); largest > limit {
		t.Errorf("%d KiB of memory, want at most %d", largest, limit)
	}
}
