// Command stun asks STUN servers for the address from which they receive this machine's datagrams,
// with ohce.Client. Behind an address translator that is the public address.
//
//	stun HOST:PORT...
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/ohce/ohce"
)

// retry is the schedule of RFC 8489, section 6.2.1, with an RTO of 500 ms: seven attempts, of which
// the last waits for 16 RTO.
var retry = ohce.RetryAfter(500*time.Millisecond, time.Second, 2*time.Second, 4*time.Second,
	8*time.Second, 16*time.Second, 8*time.Second)

func main() {
	flag.Parse()
	failed := false
	for _, server := range flag.Args() {
		client := &ohce.Client{Addr: server, Retry: retry}
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

// mappedAddress returns the address from which the server of client receives requests.
func mappedAddress(ctx context.Context, client *ohce.Client) (netip.AddrPort, error) {
	var id [idLength]byte
	rand.Read(id[:]) // never fails
	request := appendRequest(nil, id)
	resp, err := client.Exchange(ctx, request)
	if err != nil {
		return netip.AddrPort{}, err
	}
	key, ok := appendResponseKey(nil, resp.Data)
	if !ok || !bytes.Equal(key, appendRequestKey(nil, request)) {
		return netip.AddrPort{}, errors.New("the response does not belong to the request")
	}
	return parseResponse(resp.Data)
}
