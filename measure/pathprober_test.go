package measure_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/loopback"
	"github.com/ohce/ohce/measure"
)

// pathServer starts a server on a loopback address that calls respond for each request, and returns its
// address.
func pathServer(t *testing.T, host string, respond func(request []byte) []byte) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux")
	}
	pc, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when pc is closed
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if response := respond(buf[:n]); response != nil {
				pc.WriteTo(response, from)
			}
		}
	}()
	t.Cleanup(func() {
		pc.Close()
		<-done
	})
	return pc.LocalAddr().String()
}

// pathProber returns a prober whose requests have their number in each byte.
func pathProber(addr string) *measure.PathProber {
	return &measure.PathProber{
		Addr: addr, Tries: 2, Timeout: 5 * time.Second, Match: bytes.Equal,
		Request: func(dst []byte, n, size int) []byte {
			return append(dst, bytes.Repeat([]byte{byte(n)}, size)...)
		},
	}
}

// TestPathLoopback measures the loopback interface, which carries the largest datagrams.
func TestPathLoopback(t *testing.T) {
	for _, tt := range []struct {
		host     string
		overhead int
	}{{"127.0.0.1", 28}, {"::1", 48}} {
		t.Run(tt.host, func(t *testing.T) {
			p := pathProber(pathServer(t, tt.host, func(request []byte) []byte { return request }))
			r, err := p.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all := measure.PathDirection{MTU: 65535, Exact: true, Seen: 65535, Limit: measure.PathLimitNone}
			want := measure.PathReport{Forward: all, Return: all, Overhead: tt.overhead, Sent: 2, Tries: 2}
			if *r != want {
				t.Errorf("%+v, want %+v", r, want)
			}
			if got := r.Payload(&r.Forward); got != 65535-tt.overhead {
				t.Errorf("the largest datagram has %d bytes", got)
			}
		})
	}
}

// TestPathErrors checks the errors for servers that do not return requests.
func TestPathErrors(t *testing.T) {
	echo := pathServer(t, "127.0.0.1", func(request []byte) []byte { return request })
	silent := pathServer(t, "127.0.0.1", func([]byte) []byte { return nil })
	shorter := pathServer(t, "127.0.0.1", func(request []byte) []byte { return request[1:] })
	closed, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name, addr string
		ctx        context.Context
		change     func(*measure.PathProber)
		want       error
	}{
		{"silent", silent, t.Context(), func(p *measure.PathProber) { p.Timeout = 10 * ms }, measure.ErrNoResponse},
		{"other length", shorter, t.Context(), nil, measure.ErrOtherLength},
		{"refused", closed.LocalAddr().String(), t.Context(), nil, ohce.ErrPortUnreachable},
		{"canceled", echo, canceled, nil, context.Canceled},
		{"not local", echo, t.Context(), func(p *measure.PathProber) {
			p.Dialer.Source = netip.MustParseAddrPort("192.0.2.77:0")
		}, measure.ErrNotLocal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pathProber(tt.addr)
			if tt.change != nil {
				tt.change(p)
			}
			if r, err := p.Run(tt.ctx); !errors.Is(err, tt.want) || r != nil {
				t.Errorf("%v, %v, want %v", r, err, tt.want)
			}
		})
	}
}

// TestPathInterrupted ends a measurement while it waits for a response.
func TestPathInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := pathServer(t, "127.0.0.1", func([]byte) []byte {
		cancel()
		return nil
	})
	p := pathProber(addr)
	p.Timeout = time.Hour
	p.Tries = 1 << 20
	if _, err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
