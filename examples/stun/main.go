// Command stun queries STUN servers with ohce.Client and prints the address from which each server
// receives this machine's datagrams. Behind a NAT, this is the public address.
//
//	stun HOST:PORT...
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/ohce/ohce"
)

// retry is the schedule of RFC 8489, section 6.2.1, with an RTO of 500 ms. It has seven attempts.
// The last one waits for 16 times the RTO.
var retry = ohce.RetryAfter(500*time.Millisecond, time.Second, 2*time.Second, 4*time.Second,
	8*time.Second, 16*time.Second, 8*time.Second)

func main() {
	flag.Parse()
	failed := false
	for _, server := range flag.Args() {
		client := newClient(server)
		addr, err := mappedAddress(context.Background(), client)
		client.Close()
		if err != nil {
			fmt.Fprintf(os.Stderr, "stun: %s: %v\n", server, err)
			failed = true
			continue
		}
		fmt.Println(server, addr)
	}
	if failed {
		os.Exit(1)
	}
}

// newClient returns a client for a STUN server. The client matches responses to requests by the
// transaction ID.
func newClient(server string) *ohce.Client {
	return &ohce.Client{
		Addr:  server,
		Retry: retry,
		Match: &ohce.Matcher{RequestKey: appendRequestKey, ResponseKey: appendResponseKey},
	}
}

// mappedAddress returns the address from which the server receives the client's requests.
func mappedAddress(ctx context.Context, client *ohce.Client) (netip.AddrPort, error) {
	resp, err := client.Exchange(ctx, newRequest())
	if err != nil {
		return netip.AddrPort{}, err
	}
	return parseResponse(resp.Data)
}

// newRequest returns a request with a random transaction ID.
func newRequest() []byte {
	var id [idLength]byte
	rand.Read(id[:]) // never fails
	return appendRequest(nil, id)
}
