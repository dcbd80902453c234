package linkapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A call is one request to the API.
type call struct {
	m         *Manager
	w         http.ResponseWriter
	r         *http.Request
	name      string // of the link
	direction string // "up" or "down"
	field     string
	longs     longBodies
	isLong    bool // the call holds one of longs
}

// route calls the handler of a request. The result is nil if the response has no body.
func (c *call) route() (any, error) {
	defer c.release()
	r := c.r
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
