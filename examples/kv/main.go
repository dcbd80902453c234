// Command kv is a key-value service over UDP. It shows how to write a service with ohce.Server: a
// handler with shared state, several addresses, deferred responses, retransmissions that must not be
// handled twice, and an orderly end.
//
//	kv [HOST:PORT...]
//
// A request is an identifier of four characters and a command, separated by spaces. The response is
// the identifier and the result:
//
//	0001 set color blue    0001 ok
//	0002 get color         0002 blue
//	0003 add visits 1      0003 1
//	0004 wait shape        0004 round, when another client sets it
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ohce/ohce"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("kv: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	addrs := os.Args[1:]
	if len(addrs) == 0 {
		addrs = []string{"127.0.0.1:3100"}
	}
	if err := serve(ctx, addrs); err != nil {
		log.Fatal(err)
	}
}

// newServer returns a server that runs each request once, however often a client sends it.
func newServer() *ohce.Server {
	return &ohce.Server{Handler: &ohce.Deduplicator{Handler: newStore()}}
}

// serve serves on all addresses until ctx is done. It then answers the requests that the kernel has
// queued.
func serve(ctx context.Context, addrs []string) error {
	srv := newServer()
	for _, addr := range addrs {
		if err := srv.Listen(addr); err != nil {
			srv.Close()
			return err
		}
	}
	log.Print("listening on ", srv.Addrs())
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }() // ends with Shutdown, or if a socket fails
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(limit)
	if failed := <-served; !errors.Is(failed, ohce.ErrServerClosed) {
		err = failed
	}
	log.Print(srv.Stats())
	return err
}
