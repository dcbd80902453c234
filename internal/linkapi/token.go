package linkapi

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// MaxToken is the maximum length of a token in bytes.
const MaxToken = 4096

// ErrTokenRequired is the error of Serve without a token on an address that other machines can
// reach.
var ErrTokenRequired = errors.New("linkapi: a token is required beyond loopback addresses")

// ParseToken returns the token in a file: letters, digits and -._~+/= (RFC 6750). It ignores white
// space around the token.
func ParseToken(file []byte) (string, error) {
	token := string(bytes.TrimSpace(file))
	const valid = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
	switch {
	case token == "":
		return "", errors.New("it has no token")
	case len(token) > MaxToken:
		return "", fmt.Errorf("its token is longer than %d bytes", MaxToken)
	case strings.IndexFunc(token, func(r rune) bool { return !strings.ContainsRune(valid, r) }) >= 0:
		return "", errors.New("a token has only letters, digits and -._~+/=")
	}
	return token, nil
}

// checkToken refuses a request without the token of the server, if it has one.
func (s *Server) checkToken(w http.ResponseWriter, r *http.Request) error {
	if s.Token == "" {
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var e *Error
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		e = newError(401, "token", "the API needs a token")
		e.Hint = `use ohce link ctl --token-file, or send the header "Authorization: Bearer TOKEN"`
	case !equal(strings.TrimSpace(token), s.Token):
		e = newError(401, "token", "the token is wrong")
		e.Hint = "use the token that ohce link has read from its --api-token-file"
	default:
		return nil
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	return e
}

// equal compares two texts. Its time does not depend on where they differ.
func equal(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
