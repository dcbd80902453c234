package ohcetest_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

func TestReadTruncatesToBuffer(t *testing.T) {
	var n ohcetest.Network
	server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
	send(t, client, "longer than the buffer")
	send(t, client, "next")
	buf := make([]byte, 6)
	if k, err := server.Read(buf); string(buf[:k]) != "longer" || err != nil {
		t.Errorf("read %q, %v, want what the buffer holds and no error", buf[:k], err)
	}
	want(t, server, "next")
}

func TestConnectedSocketFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		listen(t, &n, serverAddr)
		client := dial(t, &n, serverAddr)
		for _, from := range []string{"192.0.2.9:3001", "192.0.2.8:3000", "[2001:db8::9]:3000"} {
			n.Inject(ohcetest.Datagram{
				From: netip.MustParseAddrPort(from), To: addrOf(client), Data: []byte("strange"),
			})
		}
		n.Inject(ohcetest.Datagram{
			From: netip.MustParseAddrPort(serverAddr), To: addrOf(client), Data: []byte("forged"),
		})
		wantAll(t, client, "forged") // the kernel cannot tell either
		if got, want := stats(&n), (ohcetest.NetworkStats{Sent: 4, Delivered: 1, Filtered: 3}); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
	})
}

func TestPortUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		client := dial(t, &n, serverAddr)
		send(t, client, "to nobody")
		synctest.Wait()
		if _, err := client.Write(nil); !errors.Is(err, ohce.ErrPortUnreachable) {
			t.Errorf("the next Write: %v, want ErrPortUnreachable", err)
		}
		send(t, client, "again") // told once
		var op *net.OpError
		if _, err := client.Read(nil); !errors.Is(err, ohce.ErrPortUnreachable) || !errors.As(err, &op) {
			t.Errorf("Read: %v, want ErrPortUnreachable in a *net.OpError", err)
		}
		if got := stats(&n); got.Sent != 2 || got.Unreachable != 2 {
			t.Errorf("stats are %+v, want 2 sent and unreachable", got)
		}
		server := listen(t, &n, serverAddr) // it starts
		send(t, client, "now")
		want(t, server, "now")
		server.WriteToUDPAddrPort([]byte("yes"), addrOf(client))
		wantAll(t, client, "yes")
	})
}

func TestPortUnreachableWakesRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			return []ohcetest.Arrival{{After: time.Second, Datagram: d}}
		}}
		client := dial(t, &n, serverAddr)
		begun := time.Now()
		send(t, client, "to nobody")
		_, err := client.Read(nil)
		if !errors.Is(err, ohce.ErrPortUnreachable) || time.Since(begun) != time.Second {
			t.Errorf("Read: %v after %v, want ErrPortUnreachable after 1s", err, time.Since(begun))
		}
	})
}

func TestPortUnreachableOnlyForConnectedPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		free := listen(t, &n, "192.0.2.5:1000")
		free.WriteToUDPAddrPort(nil, netip.MustParseAddrPort(serverAddr))
		connected := dial(t, &n, serverAddr)
		connected.WriteToUDPAddrPort(nil, netip.MustParseAddrPort("192.0.2.66:1"))
		for _, c := range []*ohcetest.Conn{free, connected} {
			wantAll(t, c) // a socket that asked nobody is not told
		}
		if got := stats(&n); got.Unreachable != 2 {
			t.Errorf("stats are %+v, want 2 unreachable", got)
		}
	})
}

func TestWriteErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		c := listen(t, &n, serverAddr)
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("Write on a socket that is not connected worked")
		}
		if _, err := c.WriteToUDPAddrPort([]byte("x"), netip.AddrPort{}); err == nil {
			t.Error("WriteToUDPAddrPort without an address worked")
		}
		if _, err := c.WriteTo([]byte("x"), &net.UnixAddr{Name: "/x", Net: "unixgram"}); err == nil {
			t.Error("WriteTo a path worked")
		}
		wantAll(t, c)
		if got := stats(&n); got != (ohcetest.NetworkStats{}) {
			t.Errorf("stats are %+v, want nothing sent", got)
		}
	})
}

func TestOverflow(t *testing.T) {
	const room, sent = 1024, 1500
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
		for range sent {
			send(t, client, "x")
		}
		want := ohcetest.NetworkStats{Sent: sent, Delivered: room, Overflow: sent - room}
		if got := stats(&n); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
		data := make([]string, room)
		for i := range data {
			data[i] = "x"
		}
		wantAll(t, server, data...)
		send(t, client, "room again")
		wantAll(t, server, "room again")
	})
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
		wantTimeout := func(after time.Duration) {
			t.Helper()
			begun := time.Now()
			_, err := server.Read(nil)
			var timeout net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) ||
				!timeout.Timeout() || time.Since(begun) != after {
				t.Errorf("Read: %v after %v, want a time-out after %v", err, time.Since(begun), after)
			}
		}
		server.SetReadDeadline(time.Now().Add(time.Second))
		wantTimeout(time.Second)
		wantTimeout(0) // it stays in force
		send(t, client, "queued")
		synctest.Wait()
		want(t, server, "queued") // even after the deadline
		wantTimeout(0)
		server.SetDeadline(time.Now().Add(time.Hour)) // armed anew
		wantTimeout(time.Hour)
		server.SetReadDeadline(time.Unix(1, 0))
		wantTimeout(0)
		server.SetReadDeadline(time.Now().Add(time.Minute)) // brought forward before it fires
		server.SetReadDeadline(time.Now().Add(time.Second))
		wantTimeout(time.Second)
		server.SetReadDeadline(time.Now().Add(time.Second)) // put off before it fires
		server.SetReadDeadline(time.Now().Add(time.Minute))
		wantTimeout(time.Minute)
		server.SetReadDeadline(time.Now().Add(time.Second))
		server.SetWriteDeadline(time.Unix(1, 0)) // of no effect
		server.SetReadDeadline(time.Time{})      // never
		time.AfterFunc(24*time.Hour, func() { client.Write([]byte("a day later")) })
		want(t, server, "a day later")
	})
}

func TestDeadlineWakesRead(t *testing.T) {
	for name, later := range map[string]time.Time{"past": time.Unix(1, 0), "now": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n ohcetest.Network
				server := listen(t, &n, serverAddr)
				server.SetReadDeadline(time.Now().Add(time.Hour))
				result := make(chan error, 1)
				go func() {
					_, err := server.Read(nil)
					result <- err
				}()
				synctest.Wait() // now it waits
				if later.IsZero() {
					later = time.Now()
				}
				begun := time.Now()
				server.SetReadDeadline(later)
				if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 0 {
					t.Errorf("Read: %v after %v, want a time-out at once", err, time.Since(begun))
				}
			})
		})
	}
}

// TestReadPrefersDatagramToDeadline: both are there when Read looks, again and again.
func TestReadPrefersDatagramToDeadline(t *testing.T) {
	var n ohcetest.Network
	server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
	for range 500 {
		server.SetReadDeadline(time.Time{})
		result := make(chan error, 1)
		go func() {
			_, err := server.Read(make([]byte, 1))
			result <- err
		}()
		send(t, client, "x")
		server.SetReadDeadline(time.Unix(1, 0))
		if err := <-result; err != nil {
			t.Fatalf("Read: %v, want the datagram that came before the deadline", err)
		}
	}
}

func TestCloseWakesRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
		result := make(chan error, 1)
		go func() {
			_, err := server.Read(nil)
			result <- err
		}()
		synctest.Wait() // now it waits
		for range 2 {
			if err := server.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read ended with %v, want net.ErrClosed", err)
		}
		send(t, client, "too late")
		if got := stats(&n); got.Unreachable != 1 {
			t.Errorf("stats are %+v, want what came after Close unreachable", got)
		}
	})
}

func TestClosedSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
		send(t, client, "queued and lost")
		synctest.Wait()
		server.SetReadDeadline(time.Now().Add(time.Hour)) // its timer must not outlive the socket
		server.Close()
		_, readErr := server.Read(nil)
		_, writeErr := server.WriteToUDPAddrPort(nil, addrOf(client))
		for what, err := range map[string]error{
			"Read": readErr, "Write": writeErr, "SetReadDeadline": server.SetReadDeadline(time.Time{}),
			"SetDeadline": server.SetDeadline(time.Time{}),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v, want net.ErrClosed", what, err)
			}
		}
	})
}
