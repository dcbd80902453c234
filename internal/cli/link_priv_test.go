//go:build priv && linux

package cli

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/ohce/ohce/internal/netns"
)

// forged is the number of sources of TestPrivSpoofedSources.
const forged = 18_000

// TestPrivSpoofedSources sends requests from forged sources to a link. Meanwhile a client sends each
// second one request from a new port, without retransmissions, and must get each response. The API must
// respond too.
func TestPrivSpoofedSources(t *testing.T) {
	for _, tt := range []struct {
		name  string
		takes time.Duration
		files int // limit of descriptors of the link; 0 is the system's
	}{
		{"burst", 7500 * time.Millisecond, 0},
		{"burst with 256 descriptors", 7500 * time.Millisecond, 256},
		{"minute with 256 descriptors", time.Minute, 256},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			host, attacker := netns.Two(t)
			host.IP(t, "route add default via 192.0.2.2") // for the responses to forged sources
			p := linkIn(t, host, tt.files)
			ctx, cancel := context.WithTimeout(t.Context(), tt.takes)
			defer cancel()
			sent := make(chan int, 1)
			go func() { sent <- forge(t, ctx, attacker, p.addrs[0], forged, tt.takes) }() // ends with ctx
			requests, answered, calls := 0, 0, 0
			for tick := time.NewTicker(time.Second); ctx.Err() == nil; requests++ {
				if askFrom(t, attacker, p.addrs[0], fmt.Sprint("request ", requests)) {
					answered++
				}
				if err := callAPI(t, host, p.api); err != nil {
					t.Errorf("API: %v", err)
				}
				calls++
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
			n := <-sent
			most := memory(t, p.cmd.Process.Pid, "VmHWM")
			text, _ := p.stop()
			t.Logf("%d forged sources in %v; %d of %d requests answered; %d calls of the API; %d MiB at most\n%s",
				n, tt.takes, answered, requests, calls, most>>10, text)
			if answered != requests || n < forged*9/10 {
				t.Errorf("%d of %d requests answered beside %d forged sources", answered, requests, n)
			}
		})
	}
}

// linkIn starts a server and a link to it in a host. The link can open a limited number of files.
func linkIn(t *testing.T, h netns.Host, files int) (link *process) {
	t.Helper()
	h.Do(t, func() error {
		server, err := startServer([]string{"--listen", "127.0.0.1:0", "--log", "none"})
		if err != nil {
			return err
		}
		t.Cleanup(server.kill)
		link, err = startLink([]string{"--listen", "192.0.2.1:0", "--to", server.addrs[0], "--api", "127.0.0.1:0"})
		return err
	})
	if link == nil {
		t.FailNow()
	}
	t.Cleanup(link.kill)
	if files > 0 {
		netns.Run(t, "prlimit", "--pid", fmt.Sprint(link.cmd.Process.Pid), fmt.Sprintf("--nofile=%d:%[1]d", files))
	}
	return link
}

// forge sends n datagrams with different sources, evenly in the given time, and returns the number of
// those that it has sent when ctx ends.
func forge(t *testing.T, ctx context.Context, h netns.Host, to string, n int, takes time.Duration) (sent int) {
	var raw *ipv4.RawConn
	h.Do(t, func() error {
		c, err := net.ListenPacket("ip4:udp", "192.0.2.2")
		if err == nil {
			raw, err = ipv4.NewRawConn(c)
		}
		return err
	})
	if raw == nil {
		return 0
	}
	defer raw.Close()
	dst, err := net.ResolveUDPAddr("udp4", to)
	if err != nil {
		t.Error(err)
		return 0
	}
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for begin := time.Now(); sent < n; {
		select {
		case <-ctx.Done():
			return sent
		case <-tick.C:
		}
		for due := int(float64(n) * float64(time.Since(begin)+step) / float64(takes)); sent < min(n, due); sent++ {
			src := net.IPv4(198, 18, byte(sent>>8), byte(sent))
			if err := writeFrom(raw, src, dst, fmt.Sprint("forged ", sent)); err != nil {
				t.Error(err)
				return sent
			}
		}
	}
	return sent
}

// writeFrom sends a UDP datagram from a forged source.
func writeFrom(raw *ipv4.RawConn, src net.IP, dst *net.UDPAddr, text string) error {
	b := binary.BigEndian.AppendUint16(nil, 5353)
	b = binary.BigEndian.AppendUint16(b, uint16(dst.Port))
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(text)))
	b = append(b, 0, 0) // no checksum
	b = append(b, text...)
	return raw.WriteTo(&ipv4.Header{
		Version: 4, Len: ipv4.HeaderLen, TotalLen: ipv4.HeaderLen + len(b), TTL: 64, Protocol: 17,
		Src: src, Dst: dst.IP,
	}, b, nil)
}

// askFrom sends a request from a new port and reports whether a response arrives.
func askFrom(t *testing.T, h netns.Host, to, text string) bool {
	t.Helper()
	var c net.Conn
	h.Do(t, func() (err error) {
		c, err = net.Dial("udp4", to)
		return err
	})
	if c == nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := c.Write([]byte(text)); err != nil {
		return false
	}
	n, err := c.Read(make([]byte, 100))
	return err == nil && n == len(text)
}

// callAPI lists the links over a new connection.
func callAPI(t *testing.T, h netns.Host, api string) error {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (c net.Conn, err error) {
			h.Do(t, func() error {
				c, err = new(net.Dialer).DialContext(ctx, network, addr)
				return nil // the caller gets err
			})
			return c, err
		},
	}}
	resp, err := client.Get("http://" + api + "/links")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}
