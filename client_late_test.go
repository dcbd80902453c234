package ohce_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// seedClient implements the tutorial's client. It uses one socket for all messages, takes the first
// datagram for the response, and increases the timeout by 0.1 s after each attempt.
func seedClient(conn net.Conn, message string) (string, error) {
	buf := make([]byte, 1024)
	for delay := 100 * time.Millisecond; ; {
		if _, err := conn.Write([]byte(message)); err != nil {
			return "", err
		}
		conn.SetReadDeadline(time.Now().Add(delay))
		n, err := conn.Read(buf)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return string(buf[:n]), err
		}
		if delay += 100 * time.Millisecond; delay > 500*time.Millisecond {
			return "", errors.New("SERVER IS DOWN !")
		}
	}
}

// TestLateResponseInMemory checks that a late response is not taken for the response to the next
// message. The server holds its responses to the first message until the client has given up. To
// show that the scenario is dangerous, the test first runs it with seedClient, which takes a late
// response for the response to the second message.
func TestLateResponseInMemory(t *testing.T) {
	h := ohcetest.Hold()
	script := steps(h, h, h, h, h)
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		p := n.NewPeer(peerAddr, upper, script...)
		conn, err := n.Dial(t.Context(), "udp", peerAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got, err := seedClient(conn, "first"); err == nil {
			t.Fatalf("the first message got %q", got)
		}
		p.Release()
		if got, err := seedClient(conn, "second"); err != nil || got != "FIRST" {
			t.Fatalf("seedClient got %q, %v for the second message, want the late response FIRST", got, err)
		}
	})
	onNetwork(t, script, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, _ *traceLog) {
		if r, err := c.Exchange(t.Context(), []byte("first")); err == nil {
			t.Fatalf("the first message got %q", r.Data)
		}
		if n := p.Release(); n != 5 {
			t.Fatalf("%d responses released, want 5", n)
		}
		r, err := c.Exchange(t.Context(), []byte("second"))
		if err != nil || string(r.Data) != "SECOND" {
			t.Errorf("the second message got %v, %v; want SECOND", r, err)
		}
		synctest.Wait()
		if st := c.Stats(); st.Late != 5 {
			t.Errorf("stats %+v, want 5 late responses", st)
		}
	})
}

// holdingServer starts a server that holds its responses to the first requests, hold in number. It
// sends them when the next request arrives, before the response to that one.
func holdingServer(t *testing.T, hold int) string {
	t.Helper()
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends when the socket is closed
		defer close(ended)
		buf := make([]byte, 1024)
		var held []func()
		for {
			n, from, err := pc.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			answer := upper(nil, buf[:n])
			send := func() { pc.WriteToUDPAddrPort(answer, from) }
			if len(held) < hold {
				held = append(held, send)
				continue
			}
			for _, late := range held {
				late()
			}
			send()
		}
	}()
	t.Cleanup(func() { pc.Close(); <-ended })
	return pc.LocalAddr().String()
}

// TestLateResponseOnRealSockets checks the same over loopback.
func TestLateResponseOnRealSockets(t *testing.T) {
	t.Parallel() // it waits for most of its time
	conn := dial(t, holdingServer(t, 5))
	if got, err := seedClient(conn, "first"); err == nil {
		t.Fatalf("the first message got %q", got)
	}
	if got, err := seedClient(conn, "second"); err != nil || got != "FIRST" {
		t.Fatalf("seedClient got %q, %v for the second message, want the late response FIRST", got, err)
	}
	late := make(chan string, 10)
	c := &ohce.Client{Addr: holdingServer(t, 5), Trace: &ohce.ClientTrace{
		DatagramIgnored: func(_ ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			late <- why.String() + " " + string(data)
		}}}
	defer c.Close()
	if r, err := c.Exchange(t.Context(), []byte("first")); err == nil {
		t.Fatalf("the first message got %q", r.Data)
	}
	r, err := c.Exchange(t.Context(), []byte("second"))
	if err != nil || string(r.Data) != "SECOND" {
		t.Errorf("the second message got %v, %v; want SECOND", r, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	for i := range 5 {
		select {
		case got := <-late:
			if got != "late FIRST" {
				t.Errorf("ignored %q, want late FIRST", got)
			}
		case <-ctx.Done():
			t.Fatalf("%d late responses counted, want 5", i)
		}
	}
}
