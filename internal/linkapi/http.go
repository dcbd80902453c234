package linkapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxBody is the longest body in bytes that the API reads.
const maxBody = 1 << 20

// ServeHTTP serves the API that the package comment describes.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, err := m.route(w, r)
	status := http.StatusOK
	switch {
	case err != nil:
		e := apiError(err)
		status, result = e.Status, errorJSON{e.Message, e.Hint, e.Field}
	case result == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method == http.MethodPost:
		status = http.StatusCreated
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	_ = out.Encode(result) // fails only if the client has disconnected
}

// A call is one request to the API.
type call struct {
	m         *Manager
	w         http.ResponseWriter
	r         *http.Request
	name      string // of the link
	direction string // "up" or "down"
	field     string
}

// route calls the handler of a request. The result is nil if the response has no body.
func (m *Manager) route(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := checkOrigin(r); err != nil {
		return nil, err
	}
	c := &call{m: m, w: w, r: r}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "presets":
		return c.dispatch(methods{"GET": getPresets})
	case parts[0] != "links" || len(parts) > 4:
		return nil, newError(404, "path", "unknown path "+strconv.Quote(r.URL.Path)+": start at /links")
	case len(parts) == 1:
		return c.dispatch(methods{"GET": getLinks, "POST": postLink})
	}
	if c.name = parts[1]; len(parts) == 2 {
		return c.dispatch(methods{"GET": getLink, "PATCH": patchLink, "DELETE": deleteLink})
	}
	if len(parts) == 3 && parts[2] == "schedule" {
		return c.dispatch(methods{"GET": getSchedule, "PUT": putSchedule, "DELETE": deleteSchedule})
	}
	if c.direction = parts[2]; c.direction != "up" && c.direction != "down" {
		return nil, newError(404, "direction",
			"unknown direction "+strconv.Quote(c.direction)+": use up or down")
	}
	if len(parts) == 3 {
		return c.dispatch(methods{"GET": getImpairment, "PUT": putImpairment, "PATCH": patchImpairment,
			"DELETE": deleteImpairment})
	}
	c.field = parts[3]
	return c.dispatch(methods{"PUT": putField, "DELETE": deleteField})
}

// methods maps the HTTP methods of a resource to their handlers.
type methods map[string]func(*call) (any, error)

func (c *call) dispatch(ms methods) (any, error) {
	if f, ok := ms[c.r.Method]; ok {
		return f(c)
	}
	var names []string
	for name := range ms {
		names = append(names, name)
	}
	slices.Sort(names)
	allowed := strings.Join(names, ", ")
	c.w.Header().Set("Allow", allowed)
	return nil, newError(405, "method", "method "+c.r.Method+" is not allowed here: use "+allowed)
}

// checkOrigin refuses requests that a web page makes without its user's knowledge.
func checkOrigin(r *http.Request) error {
	var protection http.CrossOriginProtection
	if err := protection.Check(r); err != nil {
		return newError(403, "origin", "requests from web pages of another origin are refused")
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return nil
	}
	ap, err := netip.ParseAddrPort(local.String())
	if err != nil || !ap.Addr().Unmap().IsLoopback() {
		return nil
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	// A web page can have this machine as its origin, if its own host name resolves to it (DNS
	// rebinding).
	_, err = netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil && !strings.EqualFold(host, "localhost") {
		return newError(403, "host",
			"host "+strconv.Quote(host)+" is refused: use an IP address or localhost")
	}
	return nil
}

// body reads the body of the request.
func (c *call) body() ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, newError(413, "body", fmt.Sprintf("the body is longer than %d bytes", maxBody))
	case err != nil:
		return nil, newError(400, "body", "cannot read the body: "+err.Error())
	}
	return data, nil
}
