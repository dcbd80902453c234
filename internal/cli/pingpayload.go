package cli

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/measure"
)

// A pingPayload determines the requests of ohce ping and checks the responses.
type pingPayload struct {
	match   *ohce.Matcher // nil if the requests are equal
	request func(dst []byte, n int) []byte
	check   func(request, response []byte) error // nil accepts any response
	port    int                                  // of an address without a port; 0 if none
	// describe describes a right response in a few words. It may be nil.
	describe func(s measure.Sample) string
}

// newPingPayload returns the payload for the values of --send and --expect.
func newPingPayload(send, expect string) (*pingPayload, error) {
	if send == "" {
		if expect != "" {
			return nil, usage("give the request with --send", "--expect has no effect without --send")
		}
		return numberedPayload(), nil
	}
	request, err := parseData("send", send)
	if err != nil {
		return nil, err
	}
	if len(request) > maxText {
		return nil, usage(fmt.Sprintf("a datagram carries up to %d bytes", maxText),
			"--send has %d bytes, more than a datagram carries", len(request))
	}
	check, err := parseExpectation(expect)
	if err != nil {
		return nil, err
	}
	return &pingPayload{
		request: func(dst []byte, _ int) []byte { return append(dst, request...) }, check: check,
	}, nil
}

// checkNotEmpty checks that the flags are not set to an empty value, which a variable of a shell that
// is not set would give.
func checkNotEmpty(flags *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if f := flags.Lookup(name); f.Changed && f.Value.String() == "" {
			return usage("leave --"+name+" out, or write hex: for an empty datagram", "--%s is empty", name)
		}
	}
	return nil
}

// parseData parses a text, hex:BYTES or @FILE.
func parseData(flag, value string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(value, "hex:"); ok {
		data, err := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(digits))
		if err != nil {
			return nil, usage("write two hexadecimal digits for each byte, as in hex:0a1b",
				"--%s: %v", flag, strings.TrimPrefix(err.Error(), "encoding/hex: "))
		}
		return data, nil
	}
	if name, ok := strings.CutPrefix(value, "@"); ok {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, usage("write @ and the name of a file", "--%s: cannot read %s: %v", flag, name,
				rootCause(err))
		}
		return data, nil
	}
	return []byte(value), nil
}

// parseExpectation returns the check for a value of --expect. It is nil if any response is right.
func parseExpectation(value string) (func(request, response []byte) error, error) {
	if value == "" || value == "any" {
		return nil, nil
	}
	if pattern, ok := strings.CutPrefix(value, "re:"); ok {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, usage("see https://pkg.go.dev/regexp/syntax", "--expect: %v",
				strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return func(_, response []byte) error {
			if !re.Match(response) {
				return errWrongAnswer
			}
			return nil
		}, nil
	}
	want, err := parseData("expect", value)
	if err != nil {
		return nil, err
	}
	return func(_, response []byte) error {
		if !bytes.Equal(response, want) {
			return errWrongAnswer
		}
		return nil
	}, nil
}

var errWrongAnswer = errors.New("not the expected response")

// numberedPayload returns the payload for servers that flip, reverse, swap case or echo. The
// requests have numbers, so they share a port.
func numberedPayload() *pingPayload {
	transforms := newDetector(false).transforms
	name := func(request, response []byte) string {
		for _, t := range transforms {
			if bytes.Equal(t.Append(nil, request), response) {
				return t.String()
			}
		}
		return ""
	}
	return &pingPayload{
		match: &ohce.Matcher{
			RequestKey:  appendPingKey,
			ResponseKey: func(dst, response []byte) ([]byte, bool) { return appendPingKey(dst, response), true },
		},
		request: func(dst []byte, n int) []byte { return fmt.Appendf(dst, "Ping %d ohce", n) },
		check: func(request, response []byte) error {
			if name(request, response) == "" {
				return errWrongAnswer
			}
			return nil
		},
		describe: func(s measure.Sample) string { return name(s.Request, s.Response) },
	}
}

// appendPingKey appends a key of a numbered text, which none of the transforms changes: the text or
// its reverse, whichever sorts first, in lower case.
func appendPingKey(dst, text []byte) []byte {
	lower := bytes.ToLower(text)
	reversed := flip.Transform{Reverse: true}.Append(nil, lower)
	if bytes.Compare(reversed, lower) < 0 {
		return append(dst, reversed...)
	}
	return append(dst, lower...)
}
