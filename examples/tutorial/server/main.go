// Server is the seed's server in Go. It answers each message with the text reversed and its case
// swapped.
//
// Usage: server HOST:PORT
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"unicode"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: server HOST:PORT")
	}
	server, err := net.ListenPacket("udp4", os.Args[1]) // steps 3 and 4
	check(err)
	fmt.Println("Listening to", server.LocalAddr())
	buf := make([]byte, 1024) // BUFFER_SIZE
	for {
		n, client, err := server.ReadFrom(buf) // step 5
		check(err)
		fmt.Println("Client's address", client)
		text := []rune(string(buf[:n])) // step 6
		slices.Reverse(text)
		response := strings.Map(swapCase, string(text))
		_, err = server.WriteTo([]byte(response), client) // step 7
		check(err)
	}
}

// swapCase returns a letter in its other case.
func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
