package exporter

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A script is the value of query_response: requests, and the datagrams or lines that are expected
// after each of them.
type script struct {
	turns      []turn
	labelLines map[string]int // the line of each label, by name
}

// A turn is a request and the responses that are expected before the next request.
type turn struct {
	send     []byte
	expand   bool // send has parts of the latest match, such as ${1}
	answered bool // the next turn waits for a response
	expect   []expectation
}

// An expectation is a condition for a datagram or a line of one. Either regex or bytes is set.
type expectation struct {
	regex  *regexp.Regexp
	bytes  []byte
	labels []label // if regex is set
}

// A label is exported when its expectation is met. Its value has parts of the match, such as ${1}.
type label struct{ name, value string }

// queryResponse reads query_response.
func (r *yamlReader) queryResponse(n *yaml.Node, u *UDP) error {
	s := &script{labelLines: make(map[string]int)}
	err := r.list(n, "query_response", func(n *yaml.Node) error { return r.step(n, s, u) })
	if err != nil || len(s.turns) == 0 {
		return err
	}
	if last := &s.turns[len(s.turns)-1]; !u.regex && !u.bytes {
		last.answered = true // without an expectation, any response shows that the server works
	}
	u.turns = len(s.turns)
	u.dialog = func() conversation { return &scriptRun{script: s} }
	return nil
}

// A step is an element of query_response.
type step struct {
	expect  []expectation
	send    []byte
	sendAt  *yaml.Node // send, whose text can have parts of the match; nil for send_hex
	hasSend bool
}

// regex returns the regular expression of the step, or nil if there is none.
func (st *step) regex() *regexp.Regexp {
	if len(st.expect) == 0 {
		return nil
	}
	return st.expect[0].regex
}

// step reads an element of query_response and adds it to s.
func (r *yamlReader) step(n *yaml.Node, s *script, u *UDP) error {
	var st step
	var labelsAt *yaml.Node
	err := r.mapping(n, "a step of query_response", fields{
		"expect":       func(n *yaml.Node) error { return r.expectRegex(n, &st) },
		"expect_bytes": func(n *yaml.Node) error { return r.expectBytes(n, &st, "expect_bytes") },
		"expect_hex":   func(n *yaml.Node) error { return r.expectBytes(n, &st, "expect_hex") },
		"send":         func(n *yaml.Node) error { return r.send(n, &st, "send") },
		"send_hex":     func(n *yaml.Node) error { return r.send(n, &st, "send_hex") },
		"labels":       func(n *yaml.Node) error { labelsAt = n; return nil },
		"starttls":     func(n *yaml.Node) error { return r.withoutTLS(n, "starttls") },
	})
	if err != nil {
		return err
	}
	// As in the blackbox exporter, the regular expression precedes the bytes.
	if len(st.expect) > 1 && st.expect[0].regex == nil {
		st.expect[0], st.expect[1] = st.expect[1], st.expect[0]
	}
	if len(st.expect) > 0 && len(s.turns) == 0 {
		return mistake(n, "begin with send: a UDP server does not know its client before the first request",
			"query_response begins with a response")
	}
	if labelsAt != nil {
		if err := r.stepLabels(labelsAt, &st, s); err != nil {
			return err
		}
	}
	if st.sendAt != nil {
		if err := checkTemplate(st.sendAt, "send", string(st.send), st.regex()); err != nil {
			return err
		}
	}
	s.add(st, u)
	return nil
}

// add adds a step: its expectations to the latest turn, and a turn for its request.
func (s *script) add(st step, u *UDP) {
	for _, e := range st.expect {
		last := &s.turns[len(s.turns)-1]
		last.expect, last.answered = append(last.expect, e), true
		u.regex, u.bytes = u.regex || e.regex != nil, u.bytes || e.regex == nil
	}
	if st.hasSend {
		s.turns = append(s.turns, turn{send: st.send, expand: st.sendAt != nil && st.regex() != nil})
	}
}

func (r *yamlReader) expectRegex(n *yaml.Node, st *step) error {
	text, err := r.text(n, "expect")
	if err != nil || text == "" {
		return err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return mistake(n, "see https://pkg.go.dev/regexp/syntax", "expect: %s",
			strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	st.expect = append(st.expect, expectation{regex: re})
	return nil
}

func (r *yamlReader) expectBytes(n *yaml.Node, st *step, key string) error {
	data, err := r.data(n, key)
	if err == nil && len(data) > 0 {
		st.expect = append(st.expect, expectation{bytes: data})
	}
	return err
}

// send reads a request. As in the blackbox exporter, an empty text is none. An empty send_hex is an
// empty datagram.
func (r *yamlReader) send(n *yaml.Node, st *step, key string) error {
	if st.hasSend {
		return mistake(n, "remove one of them", "a step has both send and send_hex")
	}
	data, err := r.data(n, key)
	const longest = 65507 // with IPv4
	if err == nil && len(data) > longest {
		return mistake(n, "", "%s has %d bytes, more than a datagram of %d", key, len(data), longest)
	}
	st.send, st.hasSend = data, len(data) > 0 || key == "send_hex"
	if key == "send" {
		st.sendAt = n
	}
	return err
}

// data reads a text or, if the key ends in hex, bytes in hexadecimal.
func (r *yamlReader) data(n *yaml.Node, key string) ([]byte, error) {
	text, err := r.text(n, key)
	if err != nil || !strings.HasSuffix(key, "_hex") {
		return []byte(text), err
	}
	data, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, mistake(n, "write two hexadecimal digits for each byte, as in 0a1b", "%s: %s", key,
			strings.TrimPrefix(err.Error(), "encoding/hex: "))
	}
	return data, nil
}

// linesOf splits a datagram into lines without their ends. The last end is not followed by a line.
func linesOf(datagram []byte) [][]byte {
	lines := bytes.Split(datagram, []byte("\n"))
	if last := len(lines) - 1; last > 0 && len(lines[last]) == 0 {
		lines = lines[:last]
	}
	for i, line := range lines {
		lines[i] = bytes.TrimSuffix(line, []byte("\r"))
	}
	return lines
}
