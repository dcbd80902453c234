package main

import (
	"bytes"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func query(t *testing.T, m dnsmessage.Message) []byte {
	t.Helper()
	data, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAppendAnswer(t *testing.T) {
	question := dnsmessage.Question{
		Name: dnsmessage.MustNewName("www.example.org."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}
	options := dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Type: dnsmessage.TypeOPT, Class: 1232},
		Body:   &dnsmessage.OPTResource{},
	}
	for name, additional := range map[string][]dnsmessage.Resource{"plain": nil, "EDNS": {options}} {
		t.Run(name, func(t *testing.T) {
			data := query(t, dnsmessage.Message{
				Header:    dnsmessage.Header{ID: 0xbeef, RecursionDesired: true},
				Questions: []dnsmessage.Question{question}, Additionals: additional,
			})
			response, ok := appendAnswer([]byte("before"), data)
			if !ok || string(response[:6]) != "before" {
				t.Fatalf("appendAnswer = %q, %v", response, ok)
			}
			var m dnsmessage.Message
			if err := m.Unpack(response[6:]); err != nil {
				t.Fatal(err)
			}
			if m.ID != 0xbeef || !m.Response || !m.RecursionDesired || m.RCode != dnsmessage.RCodeSuccess {
				t.Errorf("the header is %+v", m.Header)
			}
			if len(m.Questions) != 1 || m.Questions[0] != question || len(m.Additionals) != 0 {
				t.Errorf("got the questions %v and the additional records %v", m.Questions, m.Additionals)
			}
			if len(m.Answers) != 1 || m.Answers[0].Header.Name != question.Name ||
				m.Answers[0].Body.(*dnsmessage.AResource).A != [4]byte{192, 0, 2, 1} {
				t.Errorf("the answers are %v", m.Answers)
			}
		})
	}
}

// A datagram that is not a query with one question gets no response.
func TestAppendAnswerNone(t *testing.T) {
	whole := query(t, dnsmessage.Message{
		Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName("a.b."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
		}},
	})
	for n := range len(whole) {
		if got, ok := appendAnswer(nil, whole[:n]); ok {
			t.Errorf("the first %d of %d bytes: got the response %q", n, len(whole), got)
		}
	}
	response, ok := appendAnswer(nil, whole)
	if !ok {
		t.Fatal("no response to the whole query")
	}
	pointer := append(bytes.Clone(whole), make([]byte, 300)...)
	pointer[headerLen] = 0xc0
	for name, data := range map[string][]byte{
		"a response": response, "no question": make([]byte, 100), "a compressed name": pointer,
	} {
		if got, ok := appendAnswer(nil, data); ok {
			t.Errorf("%s: got the response %q", name, got)
		}
	}
}
