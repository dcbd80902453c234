package linkapi

import (
	"errors"

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
	e := newError(400, "listen", err.Error())
	if addr.InUse() {
		e.Status = 409
	}
	if addr.Op == "dial" {
		e.Field = "to"
	}
	return e
}
