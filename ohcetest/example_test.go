package ohcetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

func ExampleNewServer() {
	toUpper := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(bytes.ToUpper(r.Data))
	})
	s := ohcetest.NewServer(toUpper)
	defer s.Close()
	c := s.Client()
	defer c.Close()

	resp, err := c.Exchange(context.Background(), []byte("Hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", resp.Data)
	// Output:
	// HELLO
}

func ExampleStartServer() {
	s := ohcetest.StartServer(&ohce.Server{BufferSize: 16})
	defer s.Close()
	c := s.Client()
	defer c.Close()

	resp, err := c.Exchange(context.Background(), []byte("short enough"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", resp.Data)
	// Output:
	// short enough
}

// In a test, use a Network in a testing/synctest bubble, where timeouts take no real time.
func ExampleNetwork() {
	var network ohcetest.Network
	pc, err := network.ListenPacket("192.0.2.9:3000")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &ohce.Server{}
	served := make(chan error)
	go func() { served <- srv.Serve(pc) }()

	c := &ohce.Client{Addr: "192.0.2.9:3000", Dial: network.Dial, Linger: -1}
	resp, err := c.Exchange(context.Background(), []byte("Hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s from %v\n", resp.Data, resp.RemoteAddr)

	srv.Close()
	fmt.Println(errors.Is(<-served, ohce.ErrServerClosed))
	// Output:
	// Hello from 192.0.2.9:3000
	// true
}

func ExampleNetwork_NewPeer() {
	var network ohcetest.Network
	peer := network.NewPeer("192.0.2.9:3000", nil, ohcetest.Forge([]byte("not this")))
	c := &ohce.Client{
		Addr: "192.0.2.9:3000", Dial: network.Dial, Linger: -1,
		Match: ohce.MatchExact(func(dst, request []byte) []byte { return append(dst, request...) }),
	}

	resp, err := c.Exchange(context.Background(), []byte("Hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s after %d attempts\n", resp.Data, resp.Attempts)
	fmt.Println("unexpected:", c.Stats().Unexpected)
	fmt.Println("requests:", len(peer.Requests()))
	// Output:
	// Hello after 2 attempts
	// unexpected: 1
	// requests: 2
}

// Impair applies a model of package link to a Network. In a testing/synctest bubble, the delay
// takes no real time.
func ExampleImpair() {
	server := netip.MustParseAddrPort("192.0.2.9:3000")
	model := &link.Link{Seed: 1, Up: link.Impairment{
		Delay:     link.Delay{Base: 5 * time.Millisecond},
		Duplicate: 1,
	}}
	network := ohcetest.Network{Link: ohcetest.Impair(model, server)}
	network.NewPeer(server.String(), nil) // echoes
	client, err := network.Dial(context.Background(), "udp", server.String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	sent := time.Now()
	client.Write([]byte("Hello"))
	buf := make([]byte, 100)
	for range 2 {
		n, err := client.Read(buf)
		fmt.Printf("%s %v\n", buf[:n], err)
	}
	fmt.Println(time.Since(sent) >= 5*time.Millisecond)
	up, down := model.Stats()
	fmt.Println(up.Delivered, up.Duplicated, down.Delivered)
	// Output:
	// Hello <nil>
	// Hello <nil>
	// true
	// 1 1 2
}
