package cli

import (
	"context"
	"time"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/internal/safetext"
)

// completionTimeout bounds a request to the API while the user waits for a completion.
const completionTimeout = 500 * time.Millisecond

// linkNames returns the names of all links for the first argument of a command, or nil if the API
// does not answer.
func (f *ctlFlags) linkNames(ctx context.Context, args []string) (names []string) {
	if len(args) > 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	token, _, _ := f.token.read() // without a token, the API may refuse the request
	all, err := (&linkapi.Client{Addr: f.api, Token: token}).List(ctx)
	if err != nil {
		return nil
	}
	for _, s := range all {
		if safetext.Escape(s.Name) == s.Name { // no link has another name
			names = append(names, s.Name)
		}
	}
	return names
}
