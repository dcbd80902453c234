// Client is the seed's client in Go. It sends each message to a server and prints the response.
//
// Usage: client HOST:PORT MESSAGE...
package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: client HOST:PORT MESSAGE...")
	}
	server, err := net.ResolveUDPAddr("udp4", os.Args[1]) // step 2
	check(err)
	client, err := net.ListenPacket("udp4", ":0") // step 3
	check(err)
	defer client.Close() // step 6
	for _, message := range os.Args[2:] {
		fmt.Println(message, "->", ask(client, server, message))
	}
}

// ask sends a message up to five times and returns the first datagram that arrives.
func ask(client net.PacketConn, server net.Addr, message string) string {
	buf := make([]byte, 1024) // BUFFER_SIZE
	for attempt := range 5 {
		delay := time.Duration(attempt+1) * 100 * time.Millisecond
		_, err := client.WriteTo([]byte(message), server) // step 4
		check(err)
		check(client.SetReadDeadline(time.Now().Add(delay))) // step 5
		n, _, err := client.ReadFrom(buf)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			check(err)
			return string(buf[:n])
		}
	}
	log.Fatal("SERVER IS DOWN !")
	return ""
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
