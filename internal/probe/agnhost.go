package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxHostName is the length of the longest host name (RFC 1035, section 2.3.4).
const maxHostName = 253

// agnhost asks for the host name of a Kubernetes test server (agnhost netexec). It shows which
// backend of a balancer answered.
var agnhost = Probe{
	Name: "agnhost", Port: 8081, Effect: "asks a Kubernetes test server for its host name",
	Request: func(dst []byte, _ int, _ time.Time) []byte { return append(dst, "hostname"...) },
	Read: func(request, response []byte, _ Arrival) (string, error) {
		switch {
		case len(response) == 0:
			return "", errTruncated
		case bytes.Equal(response, request):
			return "", errors.New("the response repeats the request")
		case len(response) > maxHostName || strings.ContainsFunc(string(response), notInHostName):
			return "", errors.New("the response is no host name")
		}
		return fmt.Sprintf("host %q", response), nil
	},
}

// notInHostName reports whether a host name cannot contain r: names have letters, digits, hyphens
// and dots (RFC 1123, section 2.1), and on many systems underscores.
func notInHostName(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '.', r == '_':
		return false
	default:
		return true
	}
}
