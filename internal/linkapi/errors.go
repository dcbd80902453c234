package linkapi

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// An Error reports a request that the API refused.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Field is the invalid part of the request, such as "listen" or "up.loss", or "".
	Field string
	// Message says what is wrong and what is valid.
	Message string
	// Hint is the next step, or "".
	Hint string
}

func newError(status int, field, message string) *Error {
	return &Error{Status: status, Field: field, Message: message}
}

func (e *Error) Error() string { return e.Message }

// errorJSON is the body of an error response.
type errorJSON struct {
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"`
	Field   string `json:"field,omitempty"`
}

// apiError returns the *Error in err, or a new one.
func apiError(err error) *Error {
	var e *Error
	var field *link.FieldError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &field):
		return newError(400, field.Field, err.Error())
	default:
		return &Error{Status: 400, Message: err.Error()}
	}
}

// listenError returns the *Error for a relay that cannot listen.
func listenError(err error) error {
	var addr *relay.AddrError
	if !errors.As(err, &addr) {
		return apiError(err)
	}
	field, action := "listen", "listen on"
	if addr.Op == "dial" {
		field, action = "to", "forward to"
	}
	e := newError(400, field, fmt.Sprintf("cannot %s %s: %v", action, addr.Addr, rootCause(addr.Err)))
	var name *net.DNSError
	var form *net.AddrError
	switch {
	case errors.Is(err, relay.ErrLoop):
		e.Status = 409
		e.Message = fmt.Sprintf("the link would forward to itself: %s is its own address", addr.Addr)
		e.Hint = "forward to the address of a server, or listen on another port"
	case addr.InUse():
		e.Status = 409
		e.Message = fmt.Sprintf("cannot listen on %s: the port is in use", addr.Addr)
		e.Hint = "choose another port, or port 0 for a free one"
	case errors.As(err, &name):
		e.Message = fmt.Sprintf("cannot %s %s: the name does not resolve (%s)", action, addr.Addr, name.Err)
		e.Hint = "check the name, or give an IP address"
	case errors.As(err, &form):
		e.Message = fmt.Sprintf("%s is %q: must be HOST:PORT with a port up to 65535", field, addr.Addr)
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "choose a port from 1024 on; the system reserves the others"
	case field == "listen":
		e.Hint = "use an address of this machine; 0.0.0.0 and [::] stand for all of them"
	}
	return e
}

// rootCause returns err without the name of the system call.
func rootCause(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}
