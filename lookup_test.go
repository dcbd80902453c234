package ohce_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// zone holds the records of the DNS server of these tests.
var zone = map[string][]dnsmessage.ResourceBody{
	"one.test.": {&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}},
	"two.test.": {
		&dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 3}},
		&dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 1, 0xd, 0xb8, 15: 2}},
	},
	"_ohce._udp.example.test.": {
		&dnsmessage.SRVResource{Priority: 20, Port: 4000, Target: dnsmessage.MustNewName("two.test.")},
		&dnsmessage.SRVResource{Priority: 10, Port: 3000, Target: dnsmessage.MustNewName("one.test.")},
	},
	"_ohce._udp.half.test.": {
		&dnsmessage.SRVResource{Priority: 1, Port: 1, Target: dnsmessage.MustNewName("gone.test.")},
		&dnsmessage.SRVResource{Priority: 2, Port: 2, Target: dnsmessage.MustNewName("one.test.")},
	},
	"_ohce._udp.dangling.test.": {
		&dnsmessage.SRVResource{Priority: 1, Port: 1, Target: dnsmessage.MustNewName("gone.test.")},
	},
	"_ohce._udp.closed.test.": {&dnsmessage.SRVResource{Target: dnsmessage.MustNewName(".")}},
	"many.test.":              manyAddrs(40),
}

func manyAddrs(n int) (all []dnsmessage.ResourceBody) {
	for i := range n {
		all = append(all, &dnsmessage.AResource{A: [4]byte{192, 0, 2, byte(i)}})
	}
	return all
}

// answerDNS is the handler of a DNS server for zone.
func answerDNS(w *ohce.ResponseWriter, r *ohce.Request) {
	var q dnsmessage.Message
	if err := q.Unpack(r.Data); err != nil || len(q.Questions) != 1 {
		return
	}
	question := q.Questions[0]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true, RecursionAvailable: true},
		Questions: q.Questions,
	}
	bodies, known := zone[strings.ToLower(question.Name.String())]
	if !known {
		answer.RCode = dnsmessage.RCodeNameError
	}
	for _, body := range bodies {
		if typeOf(body) == question.Type {
			answer.Answers = append(answer.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1},
				Body:   body,
			})
		}
	}
	data, err := answer.AppendPack(w.AvailableBuffer())
	if err == nil {
		w.Write(data)
	}
}

func typeOf(body dnsmessage.ResourceBody) dnsmessage.Type {
	switch body.(type) {
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.AAAAResource:
		return dnsmessage.TypeAAAA
	default:
		return dnsmessage.TypeSRV
	}
}

func TestLookupServers(t *testing.T) {
	dns := ohcetest.NewServer(ohce.HandlerFunc(answerDNS))
	defer dns.Close()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", dns.Addr)
	}}
	for _, tt := range []struct {
		name string
		want string // addresses, sorted if the resolver chooses the order; or "!" and a part of the error
	}{
		{"192.0.2.7:3000", "192.0.2.7:3000"},
		{"[2001:db8::1]:3000", "[2001:db8::1]:3000"},
		{":3000", ":3000"},
		{"one.test:3000", "192.0.2.1:3000"},
		{"two.test:3000", "192.0.2.2:3000 192.0.2.3:3000 [2001:db8::2]:3000"},
		{"example.test", "192.0.2.1:3000 192.0.2.2:4000 192.0.2.3:4000 [2001:db8::2]:4000"},
		{"half.test", "192.0.2.1:2"},
		{"dangling.test", "!no such host"},
		{"closed.test", "!not available"},
		{"nothing.test", "!no such host"},
		{"gone.test:3000", "!no such host"},
		{"one.test:nosuchservice", "!unknown port"},
		{"192.0.2.7", "!missing port"},
		{"[::1]", "!missing port"},
		{"::1", "!missing port"},
		{"", "!missing port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ohce.LookupServers(t.Context(), resolver, "", tt.name)
			if text, failed := strings.CutPrefix(tt.want, "!"); failed {
				var op *ohce.OpError
				if !errors.As(err, &op) || op.Op != "lookup" || !strings.Contains(err.Error(), text) {
					t.Errorf("%v, %v, want an error with %q", got, err, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.name == "two.test:3000" {
				slices.Sort(got)
			} else if len(got) > 1 { // the addresses of the second target
				slices.Sort(got[1:])
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("%s, want %s", text, tt.want)
			}
		})
	}
	if got, err := ohce.LookupServers(t.Context(), resolver, "", "many.test:1"); err != nil || len(got) != 16 {
		t.Errorf("%d servers of 40, %v", len(got), err)
	}
	if _, err := ohce.LookupServers(t.Context(), nil, "", "127.0.0.1:1"); err != nil {
		t.Errorf("a nil resolver: %v", err)
	}
}
