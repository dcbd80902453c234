// Command server is a UDP server that uses an alternative to package ohce: net.UDPConn (plain), the
// batches of golang.org/x/net (xnet), or gnet. Its responses are those of ohce serve. With dns, it
// answers DNS queries and uses package ohce.
//
//	server plain|xnet|gnet|dns ADDR:PORT
package main

import (
	"fmt"
	"log"
	"net"
	"os"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"golang.org/x/net/ipv4"

	"github.com/ohce/ohce/flip"
)

const (
	width      = 64
	size       = 65_536
	bufferSize = 4 << 20
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: server plain|xnet|gnet|dns ADDR:PORT")
	}
	servers := map[string]func(addr string) error{"plain": plain, "xnet": xnet, "gnet": events, "dns": dns}
	serve, ok := servers[os.Args[1]]
	if !ok {
		log.Fatalf("unknown server %q: use plain, xnet, gnet or dns", os.Args[1])
	}
	log.Fatal(serve(os.Args[2]))
}

func listen(addr string) (*net.UDPConn, error) {
	pc, err := net.ListenPacket("udp4", addr)
	if err != nil {
		return nil, err
	}
	c := pc.(*net.UDPConn)
	if err := c.SetReadBuffer(bufferSize); err != nil {
		return nil, err
	}
	fmt.Println("ready")
	return c, nil
}

// plain reads and writes one datagram in each call.
func plain(addr string) error {
	c, err := listen(addr)
	if err != nil {
		return err
	}
	in, out := make([]byte, size), make([]byte, 0, size)
	for {
		n, from, err := c.ReadFromUDPAddrPort(in)
		if err != nil {
			return err
		}
		out = flip.Append(out[:0], in[:n])
		c.WriteToUDPAddrPort(out, from)
	}
}

// xnet reads and writes batches with golang.org/x/net/ipv4.
func xnet(addr string) error {
	c, err := listen(addr)
	if err != nil {
		return err
	}
	pc := ipv4.NewPacketConn(c)
	in, out := make([]ipv4.Message, width), make([]ipv4.Message, width)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, size)}
		out[i].Buffers = [][]byte{make([]byte, 0, size)}
	}
	for {
		n, err := pc.ReadBatch(in, 0)
		if err != nil {
			return err
		}
		for i, m := range in[:n] {
			out[i].Buffers[0] = flip.Append(out[i].Buffers[0][:0], m.Buffers[0][:m.N])
			out[i].Addr = m.Addr
		}
		for sent := 0; sent < n; {
			k, err := pc.WriteBatch(out[sent:n], 0)
			if err != nil {
				k++ // drop a datagram that cannot be sent
			}
			sent += k
		}
	}
}

// events runs an event loop of gnet, which has one event for each datagram.
func events(addr string) error {
	return gnet.Run(&handler{}, "udp4://"+addr, gnet.WithSocketRecvBuffer(bufferSize),
		gnet.WithNumEventLoop(1), gnet.WithLogger(quiet{logging.GetDefaultLogger()}))
}

// quiet is a logger without informational messages, which gnet prints at start.
type quiet struct{ logging.Logger }

func (quiet) Infof(string, ...any) {}

type handler struct {
	gnet.BuiltinEventEngine
	out []byte
}

func (h *handler) OnBoot(gnet.Engine) gnet.Action {
	fmt.Println("ready")
	return gnet.None
}

func (h *handler) OnTraffic(c gnet.Conn) gnet.Action {
	in, err := c.Next(-1)
	if err != nil {
		return gnet.None
	}
	h.out = flip.Append(h.out[:0], in)
	c.Write(h.out)
	return gnet.None
}
