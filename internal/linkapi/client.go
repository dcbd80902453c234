package linkapi

import (
	"context"
	"net/url"
	"time"

	"github.com/ohce/ohce/link"
)

// A Client uses the API of a Manager in another process. The zero value uses DefaultAddr. If the
// API refuses a request, the error is an *Error. If another program answers, or one that does not
// keep to the limits of the API, it is a *ResponseError.
type Client struct {
	// Addr is the "host:port" of the API. "" means DefaultAddr.
	Addr string
	// Token is the token of the API, or "".
	Token string
	// Timeout limits each request, with its response. 0 means DefaultTimeout.
	Timeout time.Duration
}

// List returns all links, sorted by name.
func (c *Client) List(ctx context.Context) ([]*Status, error) {
	var all statusList
	return all, c.do(ctx, "GET", "/links", nil, &all)
}

// Get returns one link.
func (c *Client) Get(ctx context.Context, name string) (*Status, error) {
	var s Status
	return &s, c.do(ctx, "GET", "/links/"+url.PathEscape(name), nil, &s)
}

// Create starts a link.
func (c *Client) Create(ctx context.Context, spec Spec) (*Status, error) {
	var s Status
	return &s, c.do(ctx, "POST", "/links", spec, &s)
}

// Change sets the fields of a link that up and down name. The values are those of link.Impairment's
// JSON; nil resets a field.
func (c *Client) Change(ctx context.Context, name string, up, down map[string]any) (*Status, error) {
	var s Status
	body := map[string]map[string]any{"up": up, "down": down}
	return &s, c.do(ctx, "PATCH", "/links/"+url.PathEscape(name), body, &s)
}

// Clear removes all impairments of a link.
func (c *Client) Clear(ctx context.Context, name string) error {
	for _, direction := range []string{"/up", "/down"} {
		if err := c.do(ctx, "DELETE", "/links/"+url.PathEscape(name)+direction, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// SetSchedule replaces the schedule of a link. No phases remove it.
func (c *Client) SetSchedule(ctx context.Context, name string, phases []link.Phase) error {
	path := "/links/" + url.PathEscape(name) + "/schedule"
	if len(phases) == 0 {
		return c.do(ctx, "DELETE", path, nil, nil)
	}
	return c.do(ctx, "PUT", path, phases, nil)
}

// Remove closes a link.
func (c *Client) Remove(ctx context.Context, name string) error {
	return c.do(ctx, "DELETE", "/links/"+url.PathEscape(name), nil, nil)
}
