package relay_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
)

// A relay duplicates each request on its way to an echo server.
func Example() {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()

	r := &relay.Relay{
		To:   srv.Addr,
		Link: &link.Link{Seed: 1, Up: link.Impairment{Duplicate: 1}},
	}
	ctx := context.Background()
	if err := r.Listen(ctx); err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- r.Serve() }()

	client, err := net.Dial("udp", r.LocalAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("Hello")); err != nil {
		log.Fatal(err)
	}
	buf := make([]byte, 100)
	for range 2 {
		n, err := client.Read(buf)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", buf[:n])
	}

	if err := r.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(<-served, relay.ErrClosed))
	s := r.Stats()
	fmt.Println(s.Up.Received, s.Up.Duplicated, s.Up.Sent)
	// Output:
	// Hello
	// Hello
	// true
	// 1 1 2
}

// Change applies to traffic from then on.
func ExampleRelay_Change() {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	r := &relay.Relay{To: srv.Addr}
	if err := r.Listen(context.Background()); err != nil {
		log.Fatal(err)
	}
	go r.Serve()
	defer r.Close()

	err := r.Change(func(up, down *link.Impairment) error {
		up.Loss = link.RandomLoss(0.1)
		return down.UnmarshalText([]byte("mtu=1280"))
	})
	if err != nil {
		log.Fatal(err)
	}
	up, down := r.Impairments()
	fmt.Println(up)
	fmt.Println(down)
	// Output:
	// loss=10%
	// mtu=1280
}
