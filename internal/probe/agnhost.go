package probe

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// maxHostName is the length of the longest host name (RFC 1035, section 2.3.4).
const maxHostName = 253

// agnhost asks for the host name of a Kubernetes test server (agnhost netexec). It shows which
// backend of a balancer answered.
var agnhost = Probe{
	Name: "agnhost", Port: 8081, Effect: "asks a Kubernetes test server for its host name",
	Request: func(dst []byte, _ int, _ time.Time) []byte { return append(dst, "hostname"...) },
	Read: func(_, response []byte, _ Arrival) (string, error) {
		switch {
		case len(response) == 0:
			return "", errTruncated
		case len(response) > maxHostName || !utf8.Valid(response):
			return "", errors.New("the response is no host name")
		}
		return fmt.Sprintf("host %q", response), nil
	},
}
