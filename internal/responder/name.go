package responder

import (
	"errors"
	"fmt"
	"strings"
)

// maxName is the length of the longest host name in bytes (RFC 1035, section 2.3.4).
const maxName = 253

// nameBytes are the characters of a name: those of host names (RFC 1123, section 2.1) and the
// underscore. None of them needs an escape sequence in JSON or on a terminal.
const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

// CheckName returns an error if a name is empty, longer than 253 bytes, or has characters other than
// ASCII letters, digits, dots, hyphens and underscores.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("the name has %d bytes, at most %d are allowed", len(name), maxName)
	case !isPlain(name):
		return fmt.Errorf("invalid name %q", name)
	default:
		return nil
	}
}

// isPlain reports whether a text consists of nameBytes.
func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(nameBytes, r) })
}
