package handover_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/handover"
)

// A server that SIGUSR2 replaces by a new version of its program.
func Example_upgrade() {
	program, err := handover.Self()
	if err != nil {
		log.Fatal(err)
	}
	inherited, err := handover.Inherit()
	if err != nil {
		log.Fatal(err)
	}
	srv := &ohce.Server{}
	if err := srv.Adopt(inherited.Conns()...); err != nil {
		log.Fatal(err)
	}
	if len(inherited.Sockets) == 0 {
		if err := srv.Listen("127.0.0.1:3000"); err != nil {
			log.Fatal(err)
		}
	}
	upgrade := make(chan os.Signal, 1)
	signal.Notify(upgrade, syscall.SIGUSR2)
	if err := inherited.Ready(); err != nil {
		log.Fatal(err)
	}
	go func() {
		for range upgrade {
			files, err := srv.Files()
			if err != nil {
				return
			}
			if _, err := program.Start(context.Background(), files...); err != nil {
				log.Print(err) // the server continues
				continue
			}
			srv.Release(context.Background())
			return
		}
	}()
	fmt.Println(srv.Serve())
}

// A server that takes over its sockets if it is started by an older one or by systemd.
func ExampleInherit() {
	inherited, err := handover.Inherit()
	if err != nil {
		log.Fatal(err)
	}
	defer inherited.Close()
	fmt.Println("sockets:", len(inherited.Sockets))
	if err := inherited.Ready(); err != nil {
		log.Fatal(err)
	}
	// Output: sockets: 0
}
