package main

import (
	"context"
	"iter"
	"math/rand/v2"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ohce/ohce"
)

// newClient returns a client for a DNS server. The client matches responses to queries by their
// keys, so its caller need not.
func newClient(server string) *ohce.Client {
	return &ohce.Client{
		Addr:  server,
		Retry: ohce.AdaptiveRetry(0),
		Match: &ohce.Matcher{RequestKey: appendRequestKey, ResponseKey: appendResponseKey},
	}
}

// A lookup is the result of looking up one name.
type lookup struct {
	name  string // with the final dot
	addrs []netip.Addr
	err   error
}

// lookups returns an iterator over the results for names, in the order of names. Many queries are
// in flight at the same time. The results for invalid names, which cannot be queried, come last. If
// ctx is done, the last result has the error of ctx and no name.
func lookups(ctx context.Context, client *ohce.Client, names iter.Seq[string]) iter.Seq[lookup] {
	return func(yield func(lookup) bool) {
		queries := &queries{names: names}
		var l lookup
		for r, err := range client.Stream(ctx, queries.all) {
			if err != nil {
				yield(lookup{err: err})
				return
			}
			l.add(r)
			if (r.Index+1)%len(queryTypes) > 0 {
				continue
			}
			if !yield(l) {
				return
			}
			l = lookup{}
		}
		for _, l := range queries.invalid {
			if !yield(l) {
				return
			}
		}
	}
}

// add adds the result of one query for the name.
func (l *lookup) add(r ohce.Result) {
	addrs, err := []netip.Addr(nil), r.Err
	if err == nil {
		addrs, err = parseAddrs(r.Response.Data)
	}
	l.name = questionName(r.Request)
	l.addrs = append(l.addrs, addrs...)
	if l.err == nil {
		l.err = err
	}
}

// queryTypes holds the types of the records to look up for each name.
var queryTypes = []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA}

// A queries is a sequence of queries for names.
type queries struct {
	names   iter.Seq[string]
	invalid []lookup // results for invalid names
}

// all yields one query of each type for each name.
func (q *queries) all(yield func([]byte) bool) {
	for name := range q.names {
		if !strings.HasSuffix(name, ".") {
			name += "."
		}
		for _, qtype := range queryTypes {
			query, err := appendQuery(nil, uint16(rand.Uint32()), name, qtype)
			if err != nil {
				q.invalid = append(q.invalid, lookup{name: name, err: err})
				break // the name is invalid for the other types too
			}
			if !yield(query) {
				return
			}
		}
	}
}
