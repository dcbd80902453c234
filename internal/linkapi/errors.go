package linkapi

import (
	"errors"

	"github.com/ohce/ohce/link"
)

// An Error is why nothing was done, as the API says it.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Field is what was wrong, such as "listen" or "up.loss", or "".
	Field string
	// Message says what was wrong and what would be right.
	Message string
}

func (e *Error) Error() string { return e.Message }

// errorJSON is an Error on the wire; its status is HTTP's.
type errorJSON struct {
	Message string `json:"error"`
	Field   string `json:"field,omitempty"`
}

// explain makes an Error of any error about a link.
func explain(err error) *Error {
	var e *Error
	var field *link.FieldError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &field):
		return &Error{400, field.Field, err.Error()}
	default:
		return &Error{Status: 400, Message: err.Error()}
	}
}
