// Package daemon starts servers of other projects, and bad networks in front of them, for the tests
// of the examples.
package daemon

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// startTimeout is the time that a server has to answer its first request.
const startTimeout = 20 * time.Second

// Find returns the path of a program. If the program is missing, Find skips the test, or fails it
// if CI is set.
func Find(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is missing", name)
	default:
		t.Skipf("%s is missing", name)
	}
	return path
}

// Start starts a server on a free loopback port and returns its address. The server is killed at
// the end of the test.
//
// args returns the arguments of the program for a port. Until the server answers, Start sends
// request to it again and again. If the server exits instead, for example because another process
// took the port, Start tries another port.
func Start(t *testing.T, path string, args func(port uint16) []string,
	request []byte) netip.AddrPort {
	t.Helper()
	for attempt := 1; ; attempt++ {
		addr, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		err = start(t, addr, request, path, args(addr.Port())...)
		if err == nil {
			return addr
		}
		if attempt == 3 {
			t.Fatalf("%s does not start: %v", path, err)
		}
	}
}

// freePort returns a loopback address whose port is free for UDP.
func freePort() (netip.AddrPort, error) {
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer pc.Close()
	return pc.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// start starts a program and waits until it answers request.
func start(t *testing.T, addr netip.AddrPort, request []byte, path string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return err
	}
	ctx, exited := context.WithTimeout(context.Background(), startTimeout)
	var wg sync.WaitGroup
	wg.Go(func() { // ends with the program
		defer exited()
		cmd.Wait()
	})
	stop := func() { cmd.Process.Kill(); wg.Wait() }
	if err := awaitAnswer(ctx, addr, request); err != nil {
		stop()
		return fmt.Errorf("%w\n%s", err, &output)
	}
	t.Cleanup(stop)
	return nil
}

// awaitAnswer sends request until an answer arrives or ctx is done.
func awaitAnswer(ctx context.Context, addr netip.AddrPort, request []byte) error {
	c, err := net.Dial("udp", addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		c.Write(request) // fails while the port is closed
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1500)); err == nil {
			return nil
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("no answer from %v: %w", addr, ctx.Err())
		}
	}
}
