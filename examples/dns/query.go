package main

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

// appendQuery appends a query for the records of one type to dst. The name must end in a dot.
func appendQuery(dst []byte, id uint16, name string, qtype dnsmessage.Type) ([]byte, error) {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return dst, fmt.Errorf("invalid name: %w", err)
	}
	b := dnsmessage.NewBuilder(dst, dnsmessage.Header{ID: id, RecursionDesired: true})
	err = errors.Join(b.StartQuestions(),
		b.Question(dnsmessage.Question{Name: n, Type: qtype, Class: dnsmessage.ClassINET}))
	if err != nil {
		return dst, fmt.Errorf("invalid name: %w", err)
	}
	return b.Finish()
}

// appendRequestKey appends the key of a query to dst: its ID and its question. If request is not a
// query, the key is empty.
func appendRequestKey(dst, request []byte) []byte {
	dst, _ = appendKey(dst, request, false)
	return dst
}

// appendResponseKey appends the key of a response to dst, which is equal to the key of its query.
// It returns false if response is not a DNS response to a single question.
//
// RFC 5452, section 9.1, requires a resolver to compare both the ID and the question. The ID alone
// has only 65,536 values, so it does not identify one of many queries in flight.
func appendResponseKey(dst, response []byte) ([]byte, bool) {
	return appendKey(dst, response, true)
}

// appendKey appends the key of a message to dst. It returns false if the message is not a response
// or query, as the argument response requires.
func appendKey(dst, message []byte, response bool) ([]byte, bool) {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || h.Response != response {
		return dst, false
	}
	q, err := p.Question()
	if err != nil {
		return dst, false
	}
	if _, err := p.Question(); !errors.Is(err, dnsmessage.ErrSectionDone) {
		return dst, false
	}
	dst = append(dst, byte(h.ID>>8), byte(h.ID))
	dst = append(dst, byte(q.Type>>8), byte(q.Type), byte(q.Class>>8), byte(q.Class))
	for _, c := range q.Name.Data[:q.Name.Length] {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A' // names are equal regardless of case (RFC 4343)
		}
		dst = append(dst, c)
	}
	return dst, true
}

// questionName returns the name in the question of a message, or "" if there is none.
func questionName(message []byte) string {
	var p dnsmessage.Parser
	if _, err := p.Start(message); err != nil {
		return ""
	}
	q, err := p.Question()
	if err != nil {
		return ""
	}
	return q.Name.String()
}

// errTruncated is the error for a response that does not fit in a datagram, which has the TC bit
// set. The whole response is available only over TCP.
var errTruncated = errors.New("the response does not fit in a datagram: query over TCP instead")

// An rcodeError is the error code of a response.
type rcodeError dnsmessage.RCode

// rcodeTexts describes the error codes of RFC 1035, section 4.1.1, with the names that DNS tools
// use.
var rcodeTexts = map[dnsmessage.RCode]string{
	dnsmessage.RCodeFormatError:    "FORMERR: the server cannot interpret the query",
	dnsmessage.RCodeServerFailure:  "SERVFAIL: the server failed to look up the name",
	dnsmessage.RCodeNameError:      "NXDOMAIN: the name does not exist",
	dnsmessage.RCodeNotImplemented: "NOTIMP: the server does not support the query",
	dnsmessage.RCodeRefused:        "REFUSED: the server refuses the query",
}

func (e rcodeError) Error() string {
	if text, ok := rcodeTexts[dnsmessage.RCode(e)]; ok {
		return text
	}
	return fmt.Sprintf("the server reported error %d", uint16(e))
}

// parseAddrs returns the addresses in the answer section of a response. If the response has none,
// the result is empty and the error is nil.
func parseAddrs(response []byte) ([]netip.Addr, error) {
	var p dnsmessage.Parser
	h, err := p.Start(response)
	switch {
	case err != nil:
		return nil, err
	case h.RCode != dnsmessage.RCodeSuccess:
		return nil, rcodeError(h.RCode)
	case h.Truncated:
		return nil, errTruncated
	}
	if err := p.SkipAllQuestions(); err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for {
		rh, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return addrs, nil
		}
		if err != nil {
			return nil, err
		}
		switch rh.Type {
		case dnsmessage.TypeA:
			var r dnsmessage.AResource
			if r, err = p.AResource(); err == nil {
				addrs = append(addrs, netip.AddrFrom4(r.A))
			}
		case dnsmessage.TypeAAAA:
			var r dnsmessage.AAAAResource
			if r, err = p.AAAAResource(); err == nil {
				addrs = append(addrs, netip.AddrFrom16(r.AAAA))
			}
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return nil, err
		}
	}
}
