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
		t.Errorf("Read returned %q, %v, want the first 6 bytes and no error", buf[:k], err)
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
				From: netip.MustParseAddrPort(from), To: addrOf(client), Data: []byte("filtered"),
			})
		}
		n.Inject(ohcetest.Datagram{
			From: netip.MustParseAddrPort(serverAddr), To: addrOf(client), Data: []byte("forged"),
		})
		wantAll(t, client, "forged") // a filter by address cannot recognise it
		if got, want := stats(&n), (ohcetest.NetworkStats{Sent: 4, Delivered: 1, Filtered: 3}); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
	})
}

func TestPortUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		client := dial(t, &n, serverAddr)
		send(t, client, "unreachable")
		synctest.Wait()
		if _, err := client.Write(nil); !errors.Is(err, ohce.ErrPortUnreachable) {
			t.Errorf("next Write = %v, want ErrPortUnreachable", err)
		}
		send(t, client, "again") // the error is reported once
		var op *net.OpError
		if _, err := client.Read(nil); !errors.Is(err, ohce.ErrPortUnreachable) || !errors.As(err, &op) {
			t.Errorf("Read = %v, want ErrPortUnreachable in a *net.OpError", err)
		}
		if got := stats(&n); got.Sent != 2 || got.Unreachable != 2 {
			t.Errorf("stats are %+v, want 2 sent and 2 unreachable", got)
		}
		server := listen(t, &n, serverAddr)
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
		send(t, client, "unreachable")
		_, err := client.Read(nil)
		if !errors.Is(err, ohce.ErrPortUnreachable) || time.Since(begun) != time.Second {
			t.Errorf("Read = %v after %v, want ErrPortUnreachable after 1s", err, time.Since(begun))
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
			wantAll(t, c) // no error: the socket is not connected to the unreachable address
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
			t.Error("Write on a socket that is not connected succeeded")
		}
		if _, err := c.WriteToUDPAddrPort([]byte("x"), netip.AddrPort{}); err == nil {
			t.Error("WriteToUDPAddrPort to the zero AddrPort succeeded")
		}
		if _, err := c.WriteTo([]byte("x"), &net.UnixAddr{Name: "/x", Net: "unixgram"}); err == nil {
			t.Error("WriteTo a *net.UnixAddr succeeded")
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
				t.Errorf("Read = %v after %v, want a timeout after %v", err, time.Since(begun), after)
			}
		}
		server.SetReadDeadline(time.Now().Add(time.Second))
		wantTimeout(time.Second)
		wantTimeout(0) // an expired deadline remains in force
		send(t, client, "queued")
		synctest.Wait()
		want(t, server, "queued") // even after the deadline
		wantTimeout(0)
		server.SetDeadline(time.Now().Add(time.Hour)) // set again after it expired
		wantTimeout(time.Hour)
		server.SetReadDeadline(time.Unix(1, 0))
		wantTimeout(0)
		server.SetReadDeadline(time.Now().Add(time.Minute))
		server.SetReadDeadline(time.Now().Add(time.Second)) // replaces a later deadline
		wantTimeout(time.Second)
		server.SetReadDeadline(time.Now().Add(time.Second))
		server.SetReadDeadline(time.Now().Add(time.Minute)) // replaces an earlier deadline
		wantTimeout(time.Minute)
		server.SetReadDeadline(time.Now().Add(time.Second))
		server.SetWriteDeadline(time.Unix(1, 0)) // has no effect
		server.SetReadDeadline(time.Time{})      // no deadline
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
				synctest.Wait() // Read is blocked now
				if later.IsZero() {
					later = time.Now()
				}
				begun := time.Now()
				server.SetReadDeadline(later)
				if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 0 {
					t.Errorf("Read = %v after %v, want an immediate timeout", err, time.Since(begun))
				}
			})
		})
	}
}

// TestReadPrefersDatagramToDeadline checks that Read returns a datagram that arrived before the
// deadline expired, in whatever order the two wake it.
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
			t.Fatalf("Read = %v, want the datagram that arrived before the deadline", err)
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
		synctest.Wait() // Read is blocked now
		for range 2 {
			if err := server.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read = %v, want net.ErrClosed", err)
		}
		send(t, client, "too late")
		if got := stats(&n); got.Unreachable != 1 {
			t.Errorf("stats are %+v, want 1 unreachable after Close", got)
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
		for method, err := range map[string]error{
			"Read": readErr, "Write": writeErr, "SetReadDeadline": server.SetReadDeadline(time.Time{}),
			"SetDeadline": server.SetDeadline(time.Time{}),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close = %v, want net.ErrClosed", method, err)
			}
		}
	})
}
