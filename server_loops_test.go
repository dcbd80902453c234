package ohce_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/ohcetest"
)

// loopTexts are the first datagrams of loops.
func loopTexts(n int, length func(i int) int) (texts [][]byte) {
	for i := range n {
		text := fmt.Appendf(nil, "%02d", i)
		texts = append(texts, append(text, bytes.Repeat([]byte{'x'}, length(i))...))
	}
	return texts
}

// TestLoopsEndOnRealSockets starts loops between a server and another one, with datagrams from the
// socket of the other one, and checks that they end within 16 requests a text.
func TestLoopsEndOnRealSockets(t *testing.T) {
	for name, texts := range map[string][][]byte{
		"one":           loopTexts(1, func(int) int { return 5 }),
		"two lengths":   loopTexts(2, func(i int) int { return 24 + i }),
		"fifty lengths": loopTexts(50, func(i int) int { return i }),
		"hundred texts": loopTexts(100, func(int) int { return 40 }),
	} {
		for _, peer := range []struct {
			name     string
			samePort bool
			start    func(*testing.T, net.PacketConn)
		}{
			{"ohce", false, func(t *testing.T, pc net.PacketConn) {
				serve(t, &ohce.Server{Handler: reverser}, pc)
			}},
			{"same port", true, func(t *testing.T, pc net.PacketConn) {
				serve(t, &ohce.Server{
					Handler: reverser, Guard: guard.Loops{RefusePorts: new(guard.PortSet)},
				}, pc)
			}},
			{"echo", false, serveEcho},
		} {
			t.Run(name+"/"+peer.name, func(t *testing.T) {
				if peer.samePort && runtime.GOOS != "linux" {
					t.Skip("needs a second loopback address")
				}
				s := ohcetest.StartServer(&ohce.Server{
					// Ports do not tell these servers from clients.
					Handler: reverser, Guard: guard.Loops{RefusePorts: new(guard.PortSet)},
				})
				defer s.Close()
				addr := "127.0.0.1:0"
				if peer.samePort {
					addr = fmt.Sprintf("127.0.0.2:%d", s.Config.Addrs()[0].Port())
				}
				pc, err := net.ListenPacket("udp4", addr)
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range texts {
					if _, err := pc.WriteTo(text, net.UDPAddrFromAddrPort(s.Config.Addrs()[0])); err != nil {
						t.Fatal(err)
					}
				}
				peer.start(t, pc)
				checkSilence(t, s.Config, len(texts))
			})
		}
	}
}

// serveEcho answers every datagram with its content, as RFC 862 says, until the test ends.
func serveEcho(t *testing.T, pc net.PacketConn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, addr, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(buf[:n], addr) // a datagram that is lost leaves its loop
		}
	}()
	t.Cleanup(func() {
		pc.Close()
		<-done
	})
}

// checkSilence waits until the server has received nothing for a while, and checks how much it
// received before.
func checkSilence(t *testing.T, srv *ohce.Server, texts int) {
	t.Helper()
	const silence = 50 * time.Millisecond // a round takes microseconds
	tick := time.NewTicker(silence)
	defer tick.Stop()
	var before uint64
	for range testTimeout / silence {
		<-tick.C
		now := srv.Stats().Received
		if now == before && now > 0 {
			break
		}
		before = now
	}
	st := srv.Stats()
	if limit := uint64(16 * texts); st.Received > limit || st.Received < uint64(texts) {
		t.Errorf("%d datagrams for %d texts, want at most %d, and then silence", st.Received, texts, limit)
	}
	t.Logf("%d texts: silent after %d datagrams, %d dropped as loop", texts, st.Received,
		st.Dropped[ohce.DropLoop])
}

// TestLoopGuardSparesClients checks that requests with different texts from one port are never
// dropped as a loop, however fast they arrive.
func TestLoopGuardSparesClients(t *testing.T) {
	n := testsize.Pick(1_000_000, 20_000)
	s := ohcetest.StartServer(&ohce.Server{Handler: reverser})
	defer s.Close()
	c := &ohce.Client{Addr: s.Addr, Match: ohce.MatchExact(reversed)}
	defer c.Close()
	if answered := runStream(t, c, n); answered != n {
		t.Errorf("%d of %d answered", answered, n)
	}
	if st := s.Config.Stats(); st.Dropped[ohce.DropLoop] != 0 {
		t.Errorf("stats %v, want none dropped as loop", st)
	}
}

// TestLoopGuardDeferred checks that a loop ends although the handler defers its responses.
func TestLoopGuardDeferred(t *testing.T) {
	s := ohcetest.StartServer(&ohce.Server{
		Handler: ohce.Concurrent(reverser, 2), Guard: guard.Loops{RefusePorts: new(guard.PortSet)},
	})
	defer s.Close()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range loopTexts(20, func(int) int { return 3 }) {
		if _, err := pc.WriteTo(text, net.UDPAddrFromAddrPort(s.Config.Addrs()[0])); err != nil {
			t.Fatal(err)
		}
	}
	serveEcho(t, pc)
	checkSilence(t, s.Config, 20)
	if err := s.Config.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if st := s.Config.Stats(); st.Dropped[ohce.DropLoop] != 20 {
		t.Errorf("stats %v, want 20 dropped as loop", st)
	}
}
