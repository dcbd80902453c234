package linkapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// The limits of a Client.
const (
	// DefaultTimeout limits a request of a Client with its response.
	DefaultTimeout = 10 * time.Second
	// MaxResponse is the maximum length of a response's body in bytes that a Client reads.
	MaxResponse = 16 << 20
	// MaxLinks is the maximum number of links in a response.
	MaxLinks = 16 << 10

	maxErrorResponse  = 64 << 10 // bytes of a body with an error
	maxResponseHeader = 16 << 10 // bytes
)

// A ResponseError reports a response that is not one of the API.
type ResponseError struct {
	// Reason continues "the response ...".
	Reason string
}

func (e *ResponseError) Error() string { return "the response " + e.Reason }

// do sends a request and decodes the response into result, unless result is nil.
func (c *Client) do(ctx context.Context, method, path string, body, result any) error {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	timeout := cmp.Or(c.Timeout, DefaultTimeout)
	client := &http.Client{Transport: newTransport(), Timeout: timeout, CheckRedirect: noRedirect}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 400:
		var e errorJSON
		if err := decodeResponse(resp.Body, maxErrorResponse, &e); err != nil || e.Message == "" {
			return &ResponseError{"has the status " + resp.Status}
		}
		return &Error{resp.StatusCode, e.Field, e.Message, e.Hint}
	case resp.StatusCode >= 300:
		return &ResponseError{"has the status " + resp.Status}
	case result == nil:
		return nil
	default:
		return decodeResponse(resp.Body, MaxResponse, result)
	}
}

// request returns a request with the token and the JSON value of body, unless body is nil.
func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return nil, err
		}
	}
	url := "http://" + cmp.Or(c.Addr, DefaultAddr) + path
	req, err := http.NewRequestWithContext(ctx, method, url, &sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return req, nil
}

// newTransport returns a transport for one request.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableKeepAlives:      true,
		DisableCompression:     true,
	}
}

// noRedirect is the CheckRedirect of a client that returns redirects.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// decodeResponse decodes a JSON value of at most limit bytes.
func decodeResponse(body io.ReadCloser, limit int64, result any) error {
	data, err := io.ReadAll(http.MaxBytesReader(nil, body, limit))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return &ResponseError{fmt.Sprintf("is longer than %d bytes", limit)}
	case err != nil:
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if list, ok := result.(*statusList); ok {
		err = list.decode(d)
	} else {
		err = d.Decode(result)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &ResponseError{"is incomplete"}
	case err != nil:
		return &ResponseError{"is invalid: " + err.Error()}
	}
	return nil
}
