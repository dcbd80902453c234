// Library is the tutorial's client on the library. It sends each message to a server and prints the
// response.
//
// Usage: library HOST:PORT MESSAGE...
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: library HOST:PORT MESSAGE...")
	}
	client := &ohce.Client{Addr: os.Args[1], Match: ohce.MatchExact(flip.Append)}
	defer client.Close()
	for _, message := range os.Args[2:] {
		response, err := client.Exchange(context.Background(), []byte(message))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s -> %s\n", message, response.Data)
	}
}
