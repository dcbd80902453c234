// Package linkapi keeps links by name and lets them be listed, created, changed and removed while
// traffic runs, over HTTP with JSON.
//
// # Use
//
//	m := &linkapi.Manager{}
//	defer m.Close()
//	http.Serve(listener, m) // a loopback address, unless others are to change the links
//
// and from elsewhere
//
//	c := &linkapi.Client{Addr: "127.0.0.1:8474"}
//	all, err := c.List(ctx)
//
// # The API
//
//	GET    /links                       all links
//	POST   /links                       create one from a Spec: 201
//	GET    /links/{name}                one link
//	PATCH  /links/{name}                change the fields of {"up":{...},"down":{...}} that are named
//	DELETE /links/{name}                remove it: 204
//	GET    /links/{name}/{way}          what one direction does; way is up or down
//	PUT    /links/{name}/{way}          what it does from now on
//	PATCH  /links/{name}/{way}          change the fields that are named; null takes one away
//	DELETE /links/{name}/{way}          nothing from now on: 204
//	PUT    /links/{name}/{way}/{field}  change one field to the JSON value that is the body
//	DELETE /links/{name}/{way}/{field}  take one away: 204
//	GET    /presets                     the networks that "like" names
//
// Fields are those of link.Impairment.UnmarshalText. An error is {"error":"...","field":"..."} with a status of 4xx or
// 5xx, and has changed nothing.
//
// # Who may
//
// There are no passwords: who can connect can change the links. Pages in a browser cannot: requests from
// another origin are refused, and on a loopback address those under a name other than localhost.
package linkapi

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// DefaultAddr is where the API of the command ohce is.
const DefaultAddr = "127.0.0.1:8474"

// A Manager keeps links by name. Its zero value has none. It may be used by any number of goroutines.
type Manager struct {
	mu     sync.Mutex
	links  map[string]*entry
	closed bool
}

type entry struct {
	name     string
	seed     uint64
	schedule []link.Phase
	relay    *relay.Relay
	done     chan struct{} // closed when Serve has returned
	err      error         // what Serve returned; valid once done is closed
}

func (e *entry) serve() {
	defer close(e.done)
	e.err = e.relay.Serve()
}

// close closes the relay and waits until Serve has returned.
func (e *entry) close() {
	e.relay.Close()
	<-e.done
}

// A Spec says what a link is to be. In JSON it is as Status, with the fields that Status does not tell.
type Spec struct {
	// Name is what the link is called: letters, digits, - _ and dots. "" is the first of link-1, link-2 ...
	// that is free.
	Name string
	// Listen and To are as in relay.Relay.
	Listen, To string
	// Seed is the link's; nil is one by chance.
	Seed *uint64
	// Up and Down are what the link does in the beginning, Schedule what it does later.
	Up, Down link.Impairment
	Schedule []link.Phase
	// Idle is as in relay.Relay.
	Idle time.Duration
}

// A Status is a link as it is.
type Status struct {
	Name     string          `json:"name"`
	Listen   string          `json:"listen"` // with the port that it got
	To       string          `json:"to"`
	Seed     uint64          `json:"seed"`
	Up       link.Impairment `json:"up"`
	Down     link.Impairment `json:"down"`
	Schedule []link.Phase    `json:"schedule,omitempty"`
	Stats    relay.Stats     `json:"stats"`
	Error    string          `json:"error,omitempty"` // why it carries nothing any more
}

// Create makes a link and starts it. The error is an *Error.
func (m *Manager) Create(ctx context.Context, s Spec) (*Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.newEntry(&s)
	if err != nil {
		return nil, err
	}
	if err := e.relay.Listen(ctx); err != nil {
		return nil, listenError(err)
	}
	go e.serve() // ends when Remove or Close closes the relay
	if m.links == nil {
		m.links = make(map[string]*entry)
	}
	m.links[e.name] = e
	return e.status(), nil
}

func (m *Manager) newEntry(s *Spec) (*entry, error) {
	if m.closed {
		return nil, &Error{Status: 503, Message: "the links are being closed"}
	}
	name, err := m.nameFor(s.Name)
	if err != nil {
		return nil, err
	}
	if s.To == "" {
		return nil, &Error{400, "to", `to is missing: write the server's HOST:PORT, as in "127.0.0.1:3000"`}
	}
	if s.Idle < 0 {
		return nil, &Error{400, "idle", "idle is negative: write a time, as in 1m"}
	}
	seed := uint64(rand.Uint32())
	if s.Seed != nil {
		seed = *s.Seed
	}
	model := &link.Link{Seed: seed, Up: s.Up, Down: s.Down, Schedule: s.Schedule}
	return &entry{
		name: name, seed: seed, schedule: s.Schedule, done: make(chan struct{}),
		relay: &relay.Relay{Addr: s.Listen, To: s.To, Link: model, IdleTimeout: s.Idle},
	}, nil
}

// nameFor is a name, or a free one for "".
func (m *Manager) nameFor(name string) (string, error) {
	for n := 1; name == ""; n++ {
		if free := "link-" + strconv.Itoa(n); m.links[free] == nil {
			return free, nil
		}
	}
	if !goodName(name) {
		return "", &Error{400, "name", "name " + strconv.Quote(name) +
			" is none: write up to 64 letters, digits, dots, - and _"}
	}
	if m.links[name] != nil {
		return "", &Error{409, "name", "there is a link " + name + " already"}
	}
	return name, nil
}

func goodName(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		default:
			return false
		}
	}
	return len(s) <= 64 && s != "." && s != ".."
}

// listenError returns the *Error for a relay that cannot listen.
func listenError(err error) error {
	var addr *relay.AddrError
	if !errors.As(err, &addr) {
		return explain(err)
	}
	e := &Error{400, "listen", err.Error()}
	if addr.InUse() {
		e.Status = 409
	}
	if addr.Op == "dial" {
		e.Field = "to"
	}
	return e
}

// List tells all links by name.
func (m *Manager) List() []*Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*Status, 0, len(m.links))
	for _, name := range slices.Sorted(maps.Keys(m.links)) {
		all = append(all, m.links[name].status())
	}
	return all
}

// Get tells one link. The error is an *Error.
func (m *Manager) Get(name string) (*Status, error) {
	e, err := m.find(name)
	if err != nil {
		return nil, err
	}
	return e.status(), nil
}

// Change lets f change what a link does; see relay.Relay.Change. The error is an *Error.
func (m *Manager) Change(name string, f func(up, down *link.Impairment) error) (*Status, error) {
	e, err := m.find(name)
	if err != nil {
		return nil, err
	}
	if err := e.relay.Change(f); err != nil {
		return nil, explain(err)
	}
	return e.status(), nil
}

// Remove ends a link. The error is an *Error.
func (m *Manager) Remove(name string) error {
	e, err := m.find(name)
	if err != nil {
		return err
	}
	m.mu.Lock()
	if m.links[name] == e {
		delete(m.links, name)
	}
	m.mu.Unlock()
	e.close()
	return nil
}

// Close ends all links. None can be created any more.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	links := m.links
	m.links = nil
	m.mu.Unlock()
	for _, e := range links {
		e.close()
	}
}

func (m *Manager) find(name string) (*entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.links[name]
	if !ok {
		return nil, &Error{404, "name", "there is no link " + strconv.Quote(name)}
	}
	return e, nil
}

func (e *entry) status() *Status {
	s := &Status{
		Name: e.name, Listen: e.relay.LocalAddr().String(), To: e.relay.To, Seed: e.seed,
		Schedule: e.schedule, Stats: e.relay.Stats(),
	}
	s.Up, s.Down = e.relay.Impairments()
	select {
	case <-e.done:
		if !errors.Is(e.err, relay.ErrClosed) {
			s.Error = e.err.Error()
		}
	default:
	}
	return s
}
