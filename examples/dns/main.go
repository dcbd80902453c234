// Command dns looks up the IP addresses of names with ohce.Client. It shows how to use the client
// with a protocol that has its own identifiers: all queries share one socket, and the client
// matches responses to queries by their keys (query.go).
//
//	dns [-server 127.0.0.1:53] [NAME...]
//
// Without arguments, dns reads names from standard input, one on each line.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
)

func main() {
	server := flag.String("server", "127.0.0.1:53", "`HOST:PORT` of the DNS server")
	flag.Parse()
	names := slices.Values(flag.Args())
	var readErr error
	if flag.NArg() == 0 {
		names = lines(os.Stdin, &readErr)
	}
	failed := false
	for l := range lookups(context.Background(), newClient(*server), names) {
		if l.err != nil {
			fmt.Fprintf(os.Stderr, "dns: %s: %v\n", l.name, l.err)
			failed = true
			continue
		}
		fmt.Println(l.name, l.addrs)
	}
	if readErr != nil {
		fmt.Fprintf(os.Stderr, "dns: standard input: %v\n", readErr)
	}
	if failed || readErr != nil {
		os.Exit(1)
	}
}

// lines returns an iterator over the lines of r that are not blank. If reading fails, it sets *err.
func lines(r io.Reader, err *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		s := bufio.NewScanner(r)
		for s.Scan() {
			if name := strings.TrimSpace(s.Text()); name != "" && !yield(name) {
				return
			}
		}
		*err = s.Err()
	}
}
