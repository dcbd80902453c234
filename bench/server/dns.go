package main

import (
	"encoding/binary"
	"fmt"

	"github.com/ohce/ohce"
)

// Lengths in a DNS message, and flags of its header (RFC 1035, section 4.1.1).
const (
	headerLen   = 12
	questionLen = 4 // type and class, behind the name
	labelMax    = 63

	flagResponse         = 0x8000
	flagRecursionDesired = 0x0100
	maskOpcode           = 0x7800
)

// addressRecord is the answer to each question: A, class IN, 300 s, 192.0.2.1. Its name points to
// that of the question.
var addressRecord = []byte{0xc0, headerLen, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1}

// dns answers DNS queries with package ohce.
func dns(addr string) error {
	srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		if response, ok := appendAnswer(w.AvailableBuffer(), r.Data); ok {
			w.Write(response)
		}
	})}
	if err := srv.Listen(addr); err != nil {
		return err
	}
	fmt.Println("ready")
	return srv.Serve()
}

// appendAnswer appends the response to a query: its ID and question, and addressRecord. It returns
// false if data is not a query with one question.
func appendAnswer(dst, data []byte) ([]byte, bool) {
	if len(data) < headerLen {
		return dst, false
	}
	flags := binary.BigEndian.Uint16(data[2:])
	if flags&flagResponse != 0 || binary.BigEndian.Uint16(data[4:]) != 1 {
		return dst, false
	}
	end := headerLen // of the question
	for end < len(data) && data[end] != 0 {
		if data[end] > labelMax {
			return dst, false
		}
		end += int(data[end]) + 1
	}
	end += 1 + questionLen
	if end > len(data) {
		return dst, false
	}
	dst = append(dst, data[:2]...)
	dst = binary.BigEndian.AppendUint16(dst, flagResponse|flags&(maskOpcode|flagRecursionDesired))
	dst = append(dst, 0, 1, 0, 1, 0, 0, 0, 0) // one question and one answer
	dst = append(dst, data[headerLen:end]...)
	return append(dst, addressRecord...), true
}
