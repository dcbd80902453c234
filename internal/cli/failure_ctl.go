package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ohce/ohce/internal/linkapi"
)

// apiFailure says why the API could not be reached.
func apiFailure(f *ctlFlags, err error) string {
	var timeout interface{ Timeout() bool }
	var call *os.SyscallError
	switch {
	case isNameError(err):
		return nameError(err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("timed out after %v", f.timeout)
	case errors.As(err, &call):
		return call.Err.Error()
	default:
		return rootCause(err).Error()
	}
}

// ctlError returns the failure for an error of a subcommand.
func ctlError(f *ctlFlags, err error) error {
	var e *linkapi.Error
	var known *failure
	var invalid *linkapi.ResponseError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &invalid):
		return &failure{what: fmt.Sprintf("the response from %s %s", f.api, invalid.Reason),
			hint: "check that ohce link serves its API at this address", code: exitFail}
	case errors.Is(err, context.Canceled):
		return &failure{what: "interrupted", code: exitFail}
	case !errors.As(err, &e):
		return &failure{what: fmt.Sprintf("no response from the API of ohce link at %s: %s", f.api, apiFailure(f, err)),
			hint: "start a link with: ohce link, or set its address with --api", code: exitFail}
	case e.Status == 404 && e.Field == "name":
		return &failure{what: e.Message, hint: "list the links with: ohce link ctl list", code: exitFail}
	case e.Status == 409 && e.Field == "to": // the link itself, or a ring
		return &failure{what: e.Message, hint: e.Hint, code: exitUsage}
	default:
		return &failure{what: e.Message, hint: cmp.Or(e.Hint, "nothing has changed"), code: exitFail}
	}
}
