// Command dns looks up the addresses of names with ohce.Client. It shows how to use the client with
// a protocol that has identifiers of its own.
//
//	dns [-server 127.0.0.1:53] NAME...
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ohce/ohce"
)

func main() {
	server := flag.String("server", "127.0.0.1:53", "the DNS server's `HOST:PORT`")
	flag.Parse()
	client := &ohce.Client{Addr: *server, Retry: ohce.AdaptiveRetry(0)}
	defer client.Close()
	failed := false
	for _, name := range flag.Args() {
		addrs, err := lookup(context.Background(), client, name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "dns: %s: %v\n", name, err)
			failed = true
			continue
		}
		fmt.Println(name, addrs)
	}
	if failed {
		os.Exit(1)
	}
}

// lookup returns the IPv4 and IPv6 addresses of a name.
func lookup(ctx context.Context, client *ohce.Client, name string) ([]netip.Addr, error) {
	if !strings.HasSuffix(name, ".") {
		name += "."
	}
	var addrs []netip.Addr
	for _, qtype := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		query, err := appendQuery(nil, uint16(rand.Uint32()), name, qtype)
		if err != nil {
			return nil, err
		}
		resp, err := client.Exchange(ctx, query)
		if err != nil {
			return nil, err
		}
		key, ok := appendResponseKey(nil, resp.Data)
		if !ok || !bytes.Equal(key, appendRequestKey(nil, query)) {
			return nil, errors.New("the response does not belong to the query")
		}
		found, err := parseAddrs(resp.Data)
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, found...)
	}
	return addrs, nil
}
