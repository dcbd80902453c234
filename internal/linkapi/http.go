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

	"github.com/ohce/ohce/link"
)

// mostBody is the longest body in bytes that is read.
const mostBody = 1 << 20

// ServeHTTP is the API; see the package's comment.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := m.route(w, r)
	status := http.StatusOK
	switch {
	case err != nil:
		e := explain(err)
		status, answer = e.Status, errorJSON{e.Message, e.Field}
	case answer == nil:
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
	_ = out.Encode(answer) // who has gone away needs no answer
}

// A call is a request on its way through the API.
type call struct {
	m     *Manager
	w     http.ResponseWriter
	r     *http.Request
	name  string // of the link
	way   string // "up" or "down"
	field string
}

// route finds who answers. The answer is nil where there is nothing to say.
func (m *Manager) route(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := sameOrigin(r); err != nil {
		return nil, err
	}
	c := &call{m: m, w: w, r: r}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "presets":
		return c.by(methods{"GET": presets})
	case parts[0] != "links" || len(parts) > 4:
		return nil, &Error{404, "path", "there is no " + strconv.Quote(r.URL.Path) + ": begin at /links"}
	case len(parts) == 1:
		return c.by(methods{"GET": list, "POST": create})
	}
	if c.name = parts[1]; len(parts) == 2 {
		return c.by(methods{"GET": get, "PATCH": patch, "DELETE": remove})
	}
	if c.way = parts[2]; c.way != "up" && c.way != "down" {
		return nil, &Error{404, "way", "there is no way " + strconv.Quote(c.way) + ": it is up or down"}
	}
	if len(parts) == 3 {
		return c.by(methods{"GET": getWay, "PUT": putWay, "PATCH": patchWay, "DELETE": clearWay})
	}
	c.field = parts[3]
	return c.by(methods{"PUT": putField, "DELETE": clearField})
}

// methods are what can be done in one place.
type methods map[string]func(*call) (any, error)

func (c *call) by(ms methods) (any, error) {
	if f, ok := ms[c.r.Method]; ok {
		return f(c)
	}
	var names []string
	for name := range ms {
		names = append(names, name)
	}
	slices.Sort(names)
	c.w.Header().Set("Allow", strings.Join(names, ", "))
	return nil, &Error{405, "method", c.r.Method + " cannot be done here: " + strings.Join(names, ", ") + " can"}
}

// sameOrigin keeps out what a page in a browser asks for behind its user's back.
func sameOrigin(r *http.Request) error {
	var protection http.CrossOriginProtection
	if err := protection.Check(r); err != nil {
		return &Error{403, "origin", "requests from pages of another origin are refused"}
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
	// A name that somebody lets resolve to this machine would make a page of theirs its own origin.
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && !strings.EqualFold(host, "localhost") {
		return &Error{403, "host", "host " + strconv.Quote(host) + " is refused: use an IP address or localhost"}
	}
	return nil
}

// body reads the request's body.
func (c *call) body() ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, mostBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, &Error{413, "body", fmt.Sprintf("the body has more than %d bytes", mostBody)}
	case err != nil:
		return nil, &Error{400, "body", "the body cannot be read: " + err.Error()}
	}
	return data, nil
}

func presets(*call) (any, error) {
	type preset struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Up          link.Impairment `json:"up"`
		Down        link.Impairment `json:"down"`
	}
	var all []preset
	for _, p := range link.Presets() {
		all = append(all, preset(p))
	}
	return all, nil
}

func list(c *call) (any, error) { return c.m.List(), nil }

func create(c *call) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	var s Spec
	if err := decode(data, &s); err != nil {
		return nil, err
	}
	return c.m.Create(c.r.Context(), s)
}

func get(c *call) (any, error) { return c.m.Get(c.name) }

func remove(c *call) (any, error) { return nil, c.m.Remove(c.name) }

func patch(c *call) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	wanted, err := readChange(data)
	if err != nil {
		return nil, err
	}
	return c.m.Change(c.name, func(up, down *link.Impairment) error {
		if err := readImpairment("up", wanted.Up, up); err != nil {
			return err
		}
		return readImpairment("down", wanted.Down, down)
	})
}

// change lets f change the call's direction.
func (c *call) change(f func(*link.Impairment) error) (*Status, error) {
	return c.m.Change(c.name, func(up, down *link.Impairment) error {
		i := up
		if c.way == "down" {
			i = down
		}
		return f(i)
	})
}

// does is what the call's direction does.
func (c *call) does(s *Status, err error) (any, error) {
	switch {
	case err != nil:
		return nil, err
	case c.way == "down":
		return s.Down, nil
	default:
		return s.Up, nil
	}
}

func getWay(c *call) (any, error) { return c.does(c.m.Get(c.name)) }

func putWay(c *call) (any, error) { return c.setWay(true) }

func patchWay(c *call) (any, error) { return c.setWay(false) }

func (c *call) setWay(anew bool) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	var whole json.RawMessage
	if err := decode(data, &whole); err != nil {
		return nil, err
	}
	return c.does(c.change(func(i *link.Impairment) error {
		if anew {
			*i = link.Impairment{}
		}
		return readField(c.way, whole, i)
	}))
}

func clearWay(c *call) (any, error) {
	_, err := c.change(func(i *link.Impairment) error { *i = link.Impairment{}; return nil })
	return nil, err
}

func putField(c *call) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	var value json.RawMessage
	if err := decode(data, &value); err != nil {
		return nil, err
	}
	one, err := json.Marshal(map[string]json.RawMessage{c.field: value})
	if err != nil {
		return nil, &Error{400, "body", err.Error()}
	}
	return c.does(c.change(func(i *link.Impairment) error { return readField(c.way, one, i) }))
}

func clearField(c *call) (any, error) {
	one, err := json.Marshal(map[string]any{c.field: nil})
	if err != nil {
		return nil, err
	}
	_, err = c.change(func(i *link.Impairment) error { return readField(c.way, one, i) })
	return nil, err
}
