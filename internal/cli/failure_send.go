package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ohce/ohce"
)

// serverDown is the message for a server that did not respond.
const serverDown = "SERVER IS DOWN !"

// The error codes of --json. Scripts rely on them: a code keeps its meaning.
const (
	errorDown          = "down"
	errorRefused       = "refused"
	errorNoResponse    = "no_response"
	errorWrongResponse = "wrong_response"
	errorTooLarge      = "too_large"
	errorUnreachable   = "unreachable"
)

// failure returns the failure of a message that got no response.
func (s *sender) failure(message []byte, err error) *failure {
	f := &failure{code: exitFail, json: errorUnreachable}
	errors.As(err, &f.op)
	servers := strings.Join(s.flags.servers, ",")
	switch {
	case errors.Is(err, context.Canceled):
		f.what, f.json = "interrupted", ""
	case errors.Is(err, ohce.ErrServerDown) && f.op != nil:
		f.what, f.json = s.downText(f.op)
		f.hint = s.downHint(f.json, f.op)
	case errors.Is(err, ohce.ErrTooLarge) && len(message) <= maxText:
		f.json = errorTooLarge
		f.what = fmt.Sprintf("this system does not send %d bytes in one datagram", len(message))
		f.hint = "send the text in parts; the limit may be a setting (macOS: net.inet.udp.maxdgram)"
	case errors.Is(err, ohce.ErrTooLarge):
		return tooLong(len(message))
	case isDescriptorLimit(err):
		f.what = fmt.Sprintf("cannot reach %s: %v", servers, rootCause(err))
		f.hint = descriptorHint
	case isNameError(err):
		f.what = nameError(err)
		f.hint = "check the name, or give an IP address"
	default:
		f.what = fmt.Sprintf("cannot reach %s: %v", servers, rootCause(err))
		f.hint = "check the address and this machine's network"
	}
	return f
}

// downText describes an exchange without a response, and returns its error code. A server that has
// answered other messages, or wrongly, is not down.
func (s *sender) downText(op *ohce.OpError) (what, code string) {
	after := fmt.Sprintf("after %s in %.1f s", plural(op.Attempts, "attempt"), op.Elapsed.Seconds())
	heard := s.stats()
	switch {
	case op.Unexpected == 1:
		return "1 response, and it is not the right one", errorWrongResponse
	case op.Unexpected > 1:
		return fmt.Sprintf("%d responses, none of them right", op.Unexpected), errorWrongResponse
	case heard.Answered > 0 && allRefused(op):
		return "port unreachable " + after, errorRefused
	case heard.Answered > 0:
		return "no response " + after, errorNoResponse
	case heard.Unexpected > 0 && op.Attempts == 0:
		return "not sent, because no response to the lines before was right", errorWrongResponse
	case heard.Unexpected > 0:
		return "no right response " + after, errorWrongResponse
	case heard.Late > 0:
		return "no response " + after, errorNoResponse
	case allRefused(op):
		return serverDown, errorRefused
	default:
		return serverDown, errorDown
	}
}

// plural returns n and a noun, in the plural unless n is 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// maxText is the maximum payload of a datagram on IPv4, in bytes. On IPv6 it is maxLine.
const maxText = 65_507

func tooLong(length int) *failure {
	has := fmt.Sprint(length)
	if length > maxLine && length <= lineBufferSize { // a line of unknown length: see readLine
		has = fmt.Sprintf("over %d", maxLine)
	}
	return &failure{
		what: fmt.Sprintf("the message has %s bytes, more than a datagram carries", has),
		hint: fmt.Sprintf("a datagram carries up to %d bytes; send the text in parts", maxText),
		code: exitUsage, json: errorTooLarge,
	}
}
