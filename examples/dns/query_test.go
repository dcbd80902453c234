package main

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// query returns a query for tests.
func query(t testing.TB, id uint16, name string, qtype dnsmessage.Type) []byte {
	t.Helper()
	q, err := appendQuery(nil, id, name, qtype)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// respond returns a response to a query with the given header bits and addresses.
func respond(t *testing.T, query []byte, h dnsmessage.Header, addrs ...string) []byte {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		t.Fatal(err)
	}
	h.ID, h.Response = m.ID, true
	m.Header = h
	name := m.Questions[0].Name
	alias := &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("alias.test.")}
	m.Answers = append(m.Answers, dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}, Body: alias,
	})
	for _, a := range addrs {
		addr := netip.MustParseAddr(a)
		var body dnsmessage.ResourceBody = &dnsmessage.AAAAResource{AAAA: addr.As16()}
		if addr.Is4() {
			body = &dnsmessage.AResource{A: addr.As4()}
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}, Body: body,
		})
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeys(t *testing.T) {
	q := query(t, 7, "www.Example.test.", dnsmessage.TypeA)
	key := appendRequestKey([]byte("before"), q)
	if !bytes.HasPrefix(key, []byte("before")) {
		t.Fatalf("key %q does not begin with the contents of dst", key)
	}
	key = key[len("before"):]
	for _, tt := range []struct {
		name     string
		response []byte
		ok       bool // whether it has a key
		equal    bool // whether the key equals that of q
	}{
		{"same", respond(t, q, dnsmessage.Header{}, "192.0.2.7"), true, true},
		{"other case", respond(t, query(t, 7, "WWW.example.TEST.", dnsmessage.TypeA),
			dnsmessage.Header{}), true, true},
		{"failure", respond(t, q, dnsmessage.Header{RCode: dnsmessage.RCodeNameError}), true, true},
		{"other ID", respond(t, query(t, 8, "www.example.test.", dnsmessage.TypeA),
			dnsmessage.Header{}), true, false},
		{"other name", respond(t, query(t, 7, "ww.example.test.", dnsmessage.TypeA),
			dnsmessage.Header{}), true, false},
		{"other type", respond(t, query(t, 7, "www.example.test.", dnsmessage.TypeAAAA),
			dnsmessage.Header{}), true, false},
		{"query", q, false, false},
		{"empty", nil, false, false},
		{"short", respond(t, q, dnsmessage.Header{})[:20], false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := appendResponseKey(nil, tt.response)
			if ok != tt.ok || ok && bytes.Equal(got, key) != tt.equal {
				t.Errorf("appendResponseKey = %q, %v; the key of the query is %q", got, ok, key)
			}
		})
	}
}

// TestTwoQuestionsHaveNoKey checks that a response with two questions matches neither query.
func TestTwoQuestionsHaveNoKey(t *testing.T) {
	var m dnsmessage.Message
	if err := m.Unpack(query(t, 7, "one.test.", dnsmessage.TypeA)); err != nil {
		t.Fatal(err)
	}
	m.Response = true
	m.Questions = append(m.Questions, m.Questions[0])
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := appendResponseKey(nil, b); ok {
		t.Errorf("key = %q, want none", key)
	}
}

func TestKeysDoNotAllocate(t *testing.T) {
	q := query(t, 7, "www.example.test.", dnsmessage.TypeA)
	r := respond(t, q, dnsmessage.Header{}, "192.0.2.7")
	buf := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() {
		appendRequestKey(buf, q)
		appendResponseKey(buf, r)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestParseAddrs(t *testing.T) {
	q := query(t, 7, "www.example.test.", dnsmessage.TypeA)
	addrs, err := parseAddrs(respond(t, q, dnsmessage.Header{}, "192.0.2.7", "2001:db8::7"))
	want := []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}
	if err != nil || !slices.Equal(addrs, want) {
		t.Errorf("got %v, %v, want %v", addrs, err, want)
	}
	truncated := respond(t, q, dnsmessage.Header{Truncated: true})
	if _, err := parseAddrs(truncated); !errors.Is(err, errTruncated) {
		t.Errorf("got %v, want %v", err, errTruncated)
	}
	whole := respond(t, q, dnsmessage.Header{}, "192.0.2.7")
	for n := range whole {
		if _, err := parseAddrs(whole[:n]); err == nil {
			t.Errorf("parseAddrs accepted %d of %d bytes", n, len(whole))
		}
	}
}

func TestErrorCodes(t *testing.T) {
	q := query(t, 7, "www.example.test.", dnsmessage.TypeA)
	for _, tt := range []struct {
		rcode dnsmessage.RCode
		want  string
	}{
		{dnsmessage.RCodeNameError, "NXDOMAIN: the name does not exist"},
		{dnsmessage.RCodeRefused, "REFUSED: the server refuses the query"},
		{dnsmessage.RCode(9), "the server reported error 9"},
	} {
		_, err := parseAddrs(respond(t, q, dnsmessage.Header{RCode: tt.rcode, Truncated: true}))
		if !errors.Is(err, rcodeError(tt.rcode)) || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func TestNameTooLong(t *testing.T) {
	for _, name := range []string{
		strings.Repeat("a", 64) + ".test.", strings.Repeat("a.", 200), "nodot",
	} {
		if q, err := appendQuery(nil, 1, name, dnsmessage.TypeA); err == nil {
			t.Errorf("appendQuery for %q = %q, want an error", name, q)
		}
	}
}

// FuzzResponse checks that the key functions and the parser do not panic.
func FuzzResponse(f *testing.F) {
	f.Add(query(f, 7, "www.example.test.", dnsmessage.TypeA))
	f.Fuzz(func(t *testing.T, data []byte) {
		appendRequestKey(nil, data)
		if key, ok := appendResponseKey(nil, data); ok && len(key) < 6 {
			t.Errorf("key %q", key)
		}
		parseAddrs(data)
		questionName(data)
	})
}
