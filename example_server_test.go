package ohce_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/ohcetest"
)

// A handler that ends its server starts a goroutine for Shutdown and returns. Its response is sent
// before the server ends.
func ExampleServer_Shutdown_handler() {
	srv := new(ohce.Server)
	srv.Handler = ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		if string(r.Data) == "quit" {
			go srv.Shutdown(context.Background())
		}
		w.Write([]byte("goodbye"))
	})
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- srv.Serve() }()

	client := &ohce.Client{Addr: srv.Addrs()[0].String()}
	defer client.Close()
	resp, err := client.Exchange(context.Background(), []byte("quit"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", resp.Data)
	fmt.Println(<-served)
	// Output:
	// goodbye
	// ohce: server closed
}

// The server handles other requests until the deferred response is sent.
func ExampleResponseWriter_Defer() {
	s := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		d := w.Defer(r)
		time.AfterFunc(10*time.Millisecond, func() {
			defer d.Close() // has no effect after Send
			fmt.Fprintf(d, "hello, %s", d.Request.Data)
			if err := d.Send(); err != nil {
				fmt.Println(err)
			}
		})
	}))
	defer s.Close()
	c := s.Client()
	defer c.Close()
	resp, err := c.Exchange(context.Background(), []byte("gopher"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", resp.Data)
	// Output: hello, gopher
}

// The handler has an effect that must not be repeated. The client sends the request again, as if
// the first response had been lost.
func ExampleDeduplicator() {
	balance := 0
	deposit := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		balance += 10
		fmt.Fprintf(w, "balance %d", balance)
	})
	dedup := &ohce.Deduplicator{Handler: deposit}
	s := ohcetest.NewServer(dedup)
	defer s.Close()

	conn, err := net.Dial("udp", s.Addr)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 100)
	for range 2 {
		conn.Write([]byte("deposit 10"))
		n, err := conn.Read(buf)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", buf[:n])
	}
	fmt.Println("hits:", dedup.Stats().Hits)
	// Output:
	// balance 10
	// balance 10
	// hits: 1
}

// The guard denies one kind of request and prevents loops, as the default guard does.
func ExampleServer_guard() {
	short := guard.RuleFunc(func(_ time.Time, d *guard.Datagram) guard.Verdict {
		if len(d.Payload) > 8 {
			return guard.DropDenied
		}
		return guard.Admitted
	})
	s := ohcetest.StartServer(&ohce.Server{Guard: guard.Guards{guard.Loops{}, short}})
	c := s.Client()
	defer c.Close()
	c.Retry = ohce.RetryAfter(20 * time.Millisecond)
	for _, request := range []string{"short", "much too long"} {
		resp, err := c.Exchange(context.Background(), []byte(request))
		if err != nil {
			fmt.Println("no response")
			continue
		}
		fmt.Printf("%s\n", resp.Data)
	}
	s.Close()
	fmt.Println("denied:", s.Config.Stats().Dropped[ohce.DropDenied])
	// Output:
	// short
	// no response
	// denied: 1
}

// The guard drops the datagrams of denied sources on every system. On Linux, the kernel drops them
// first, unless there are too many prefixes.
func ExampleServer_DenyInKernel() {
	deny := guard.NewPrefixSet(netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"))
	prefixes := new(guard.Prefixes)
	prefixes.Set(nil, deny)
	srv := &ohce.Server{Guard: guard.Guards{prefixes, guard.Loops{}}}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	if err := srv.DenyInKernel(deny); err != nil {
		log.Printf("the kernel drops no sources: %v", err)
	}
	fmt.Println("denied:", deny.Prefixes())
	// Output:
	// denied: [192.0.2.0/24 2001:db8::/32]
}
