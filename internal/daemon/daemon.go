// Package daemon starts servers of other projects for tests, and bad networks in front of them.
package daemon

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// startTimeout is the time that a server has to respond to its first request.
const startTimeout = 20 * time.Second

// Find returns the path of a program. If the program is missing, Find skips the test, or fails it if
// the environment variable CI is set.
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
// The function args returns the arguments of the program for a port. Start sends request repeatedly
// until the server responds. If the server does not respond, for example because another process
// has bound the port first, Start tries another port. After three failures, the test fails.
func Start(t *testing.T, path string, args func(port uint16) []string,
	request []byte) netip.AddrPort {
	t.Helper()
	return startOnFreePort(t, path, args, func(ctx context.Context, addr netip.AddrPort) error {
		return awaitResponse(ctx, addr, request)
	})
}

// StartHTTP is like Start for a server of HTTP. It repeats a request for the path ready until the
// response has the status 200.
func StartHTTP(t *testing.T, path string, args func(port uint16) []string, ready string) netip.AddrPort {
	t.Helper()
	return startOnFreePort(t, path, args, func(ctx context.Context, addr netip.AddrPort) error {
		return awaitOK(ctx, "http://"+addr.String()+ready)
	})
}

// startOnFreePort starts a server on a free loopback port, and another one if await fails.
func startOnFreePort(t *testing.T, path string, args func(port uint16) []string,
	await func(context.Context, netip.AddrPort) error) netip.AddrPort {
	t.Helper()
	for attempt := 1; ; attempt++ {
		addr, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		err = start(t, addr, await, path, args(addr.Port())...)
		if err == nil {
			return addr
		}
		if attempt == 3 {
			t.Fatalf("%s did not start: %v", path, err)
		}
	}
}

// freePort returns a loopback address with a free UDP port.
func freePort() (netip.AddrPort, error) {
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer pc.Close()
	return pc.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// start starts a program and waits until await returns.
func start(t *testing.T, addr netip.AddrPort, await func(context.Context, netip.AddrPort) error,
	path string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if _, err := cmd.StdinPipe(); err != nil { // open until the end: some servers end with their input
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ctx, exited := context.WithTimeout(context.Background(), startTimeout)
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the program exits; stop waits for it
		defer exited()
		cmd.Wait()
	})
	stop := func() { cmd.Process.Kill(); wg.Wait() }
	if err := await(ctx, addr); err != nil {
		stop()
		return fmt.Errorf("%w\n%s", err, &output)
	}
	t.Cleanup(stop)
	return nil
}

// awaitResponse sends request until a response arrives or ctx is done.
func awaitResponse(ctx context.Context, addr netip.AddrPort, request []byte) error {
	c, err := net.Dial("udp", addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		c.Write(request) // can fail while the port is unreachable
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1500)); err == nil {
			return nil
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("no response from %v: %w", addr, ctx.Err())
		}
	}
}

// awaitOK requests a URL until the response has the status 200 or ctx is done.
func awaitOK(ctx context.Context, url string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("no response from %s: %w", url, ctx.Err())
		}
	}
}
