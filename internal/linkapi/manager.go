// Package linkapi manages links by name: it lists, creates, changes and removes them while traffic
// passes. A Server serves a Manager over HTTP; a Client is its counterpart.
//
// # Use
//
//	m := &linkapi.Manager{}
//	defer m.Close()
//	s := &linkapi.Server{Manager: m}
//	s.Serve(listener)
//
// and in another process
//
//	c := &linkapi.Client{Addr: "127.0.0.1:4474"}
//	all, err := c.List(ctx)
//
// # Requests
//
//	GET    /links                             list all links
//	POST   /links                             create a link from a Spec: 201
//	GET    /links/{name}                      get one link
//	PATCH  /links/{name}                      set the fields named in {"up":{...},"down":{...}};
//	                                          {"like":"lte"} replaces all of them first
//	DELETE /links/{name}                      remove a link: 204
//	GET    /links/{name}/{direction}          get one impairment; direction is up or down
//	PUT    /links/{name}/{direction}          replace it
//	PATCH  /links/{name}/{direction}          set the fields that are named; null resets one
//	DELETE /links/{name}/{direction}          reset it: 204
//	PUT    /links/{name}/{direction}/{field}  set one field to the JSON value in the body
//	DELETE /links/{name}/{direction}/{field}  reset one field: 204
//	GET    /links/{name}/schedule             get the schedule, a list of phases
//	PUT    /links/{name}/schedule             replace it; its times count from the next datagram
//	DELETE /links/{name}/schedule             remove it: 204
//	GET    /presets                           list the networks for "like"
//
// The fields are those of link.Impairment's JSON. A value without an effect is an error. An error is
// {"error":"...","hint":"...","field":"..."} with a status of 4xx or 5xx; nothing has changed then.
//
// # Loops
//
// A manager refuses a link that would forward to itself or close a ring of its links. The links
// share a [relay.Group].
//
// # Access
//
// A Server with a Token accepts only requests that contain it; beyond loopback addresses it needs
// one. Web pages are refused with and without a token: the server refuses requests from another
// origin, and requests whose Host header is not the address of the connection. See [Server.Hosts]
// for further names.
//
// # Limits
//
// A Server closes connections on which a client pauses: after 5 s without a whole header, 10 s
// without a whole body, 15 s without reading the response, and 30 s without another request. It
// keeps at most 32 connections, and closes one that is idle or has an old request for a new one. A
// body has at most 512 KiB, a header 12 KiB, and a schedule MaxPhases phases.
package linkapi

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// DefaultAddr is the address of the API of the ohce command.
const DefaultAddr = "127.0.0.1:4474"

// A Manager holds links by name. The zero value has none. Its methods may be called from several
// goroutines. The errors of its methods are of type *Error.
type Manager struct {
	// Observe, if not nil, receives the events of all links, under the conditions of
	// relay.Relay.Observe. It must not be changed after the first Create.
	Observe func(name string, e relay.Event)
	// Changed, if not nil, is called after a link has been created, changed or removed. action is
	// one of these words, and s the state of the link. It must not be changed while another method
	// runs.
	Changed func(action string, s *Status)

	group relay.Group

	mu     sync.Mutex
	links  map[string]*entry
	closed bool
}

// A Spec describes a new link.
type Spec struct {
	// Name has up to 64 letters, digits, dots, - and _. "" means the first free one of link-1,
	// link-2 ….
	Name string
	// Listen and To are Addr and To of the relay.Relay.
	Listen, To string
	// Seed is the seed of the link. nil means a random one.
	Seed *uint64
	// Up and Down are the impairments until Schedule or Change replaces them.
	Up, Down link.Impairment
	Schedule []link.Phase // at most MaxPhases
	// Idle is IdleTimeout of the relay.Relay. MaxNewPorts, MaxPortsPerAddress and
	// MaxNewPortsPerAddress are MaxNewMappings, MaxMappingsPerAddress and MaxNewMappingsPerAddress.
	Idle                  time.Duration
	MaxNewPorts           int
	MaxPortsPerAddress    int
	MaxNewPortsPerAddress int
}

// Create starts a link. It returns when ctx is done. Until the link listens, its name is taken but
// the other methods do not see the link.
func (m *Manager) Create(ctx context.Context, s Spec) (*Status, error) {
	status, err := m.create(ctx, s)
	if err == nil {
		m.changed("created", status)
	}
	return status, err
}

// changed calls Changed.
func (m *Manager) changed(action string, s *Status) {
	if m.Changed != nil {
		m.Changed(action, s)
	}
}

func (m *Manager) create(ctx context.Context, s Spec) (*Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e, err := m.reserve(&s, cancel)
	if err != nil {
		return nil, err
	}
	err = e.relay.Listen(ctx) // without the lock: the look-up of a name can take long
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		e.relay.Close()
		return nil, errClosed
	case err != nil:
		delete(m.links, e.name)
		return nil, listenError(err)
	}
	if names := m.ring(e); names != nil {
		delete(m.links, e.name)
		e.relay.Close()
		err := newError(409, "to", "the links would forward in a ring: "+strings.Join(names, " -> "))
		err.Hint = "forward one of them to a server"
		return nil, err
	}
	e.listening = true
	go e.serve() // ends when Remove or Close closes the entry
	return e.status(), nil
}

// ring returns the names of the links from e back to e, or nil if the datagrams of e reach no ring.
// The other links form none. The caller holds mu.
func (m *Manager) ring(e *entry) []string {
	names := []string{e.name}
	for at := e; ; {
		next := m.after(at, e)
		if next == nil || len(names) > len(m.links) {
			return nil
		}
		names = append(names, next.name)
		if next == e {
			return names
		}
		at = next
	}
}

// after returns the link that from forwards to, or nil. It considers links that listen, and added.
func (m *Manager) after(from, added *entry) *entry {
	for _, e := range m.links {
		if (e.listening || e == added) && from.relay.ForwardsTo(e.relay) {
			return e
		}
	}
	return nil
}

var errClosed = &Error{Status: 503, Message: "the links are being closed"}

// reserve adds an entry that does not listen yet. Close calls cancel to stop its start.
func (m *Manager) reserve(s *Spec, cancel context.CancelFunc) (*entry, error) {
	switch {
	case s.To == "":
		return nil, newError(400, "to",
			`to is missing: set it to the server's HOST:PORT, such as "127.0.0.1:3000"`)
	case strings.HasSuffix(s.To, ":0"):
		return nil, newError(400, "to", fmt.Sprintf("to is %q: there is no port 0", s.To))
	case s.Idle < 0:
		return nil, newError(400, "idle", "idle must not be negative")
	case s.MaxNewPorts < 0:
		return nil, newError(400, "max_new_ports", "max_new_ports must not be negative")
	case s.MaxPortsPerAddress < 0:
		return nil, newError(400, "max_ports_per_address", "max_ports_per_address must not be negative")
	case s.MaxNewPortsPerAddress < 0:
		return nil, newError(400, "max_new_ports_per_address",
			"max_new_ports_per_address must not be negative")
	}
	if err := checkPhases(s.Schedule); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	name, err := m.nameFor(s.Name)
	if err != nil {
		return nil, err
	}
	seed := uint64(rand.Uint32())
	if s.Seed != nil {
		seed = *s.Seed
	}
	e := &entry{
		name: name, seed: seed, cancel: cancel, done: make(chan struct{}),
		relay: &relay.Relay{
			Addr: s.Listen, To: s.To, IdleTimeout: s.Idle, MaxNewMappings: s.MaxNewPorts, Group: &m.group,
			MaxMappingsPerAddress:    s.MaxPortsPerAddress,
			MaxNewMappingsPerAddress: s.MaxNewPortsPerAddress,
			Link:                     &link.Link{Seed: seed, Up: s.Up, Down: s.Down, Schedule: s.Schedule},
		},
	}
	if m.Observe != nil {
		e.relay.Observe = func(event relay.Event) { m.Observe(name, event) }
	}
	if m.links == nil {
		m.links = make(map[string]*entry)
	}
	m.links[name] = e
	return e, nil
}

// nameFor returns name if it is valid and free, or a free name for "". The caller holds mu.
func (m *Manager) nameFor(name string) (string, error) {
	for n := 1; name == ""; n++ {
		if free := "link-" + strconv.Itoa(n); m.links[free] == nil {
			return free, nil
		}
	}
	if !validName(name) {
		return "", newError(400, "name", "invalid name "+strconv.Quote(name)+
			": use letters, digits, - and _, at most 64")
	}
	if m.links[name] != nil {
		return "", newError(409, "name", "link "+strconv.Quote(name)+" exists already")
	}
	return name, nil
}

// validName reports whether s can be a name. Dots are allowed for host names; "." and ".." are not
// segments of a URL's path.
func validName(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case r == '-', r == '_', r == '.':
		default:
			return false
		}
	}
	return len(s) <= 64 && s != "." && s != ".."
}

// List returns all links, sorted by name.
func (m *Manager) List() []*Status { return slices.AppendSeq([]*Status{}, m.all()) }

// all returns the links that exist now, sorted by name, each as it is when it is used.
func (m *Manager) all() iter.Seq[*Status] {
	return func(yield func(*Status) bool) {
		for _, e := range m.entries() {
			if !yield(e.status()) {
				return
			}
		}
	}
}

// entries returns the links that listen, sorted by name.
func (m *Manager) entries() (listening []*entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.links)) {
		if e := m.links[name]; e.listening {
			listening = append(listening, e)
		}
	}
	return listening
}

// Get returns one link.
func (m *Manager) Get(name string) (*Status, error) {
	e, err := m.find(name)
	if err != nil {
		return nil, err
	}
	return e.status(), nil
}

// Change changes the impairments of a link. See relay.Relay.Change.
func (m *Manager) Change(name string, f func(up, down *link.Impairment) error) (*Status, error) {
	e, err := m.find(name)
	if err != nil {
		return nil, err
	}
	if err := e.relay.Change(f); err != nil {
		return nil, apiError(err)
	}
	s := e.status()
	m.changed("changed", s)
	return s, nil
}

// SetSchedule replaces the schedule of a link by at most MaxPhases phases. See
// relay.Relay.SetSchedule.
func (m *Manager) SetSchedule(name string, phases []link.Phase) error {
	e, err := m.find(name)
	if err != nil {
		return err
	}
	if err := checkPhases(phases); err != nil {
		return err
	}
	if err := e.relay.SetSchedule(phases); err != nil {
		return apiError(err)
	}
	m.changed("changed", e.status())
	return nil
}

// Remove closes a link.
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
	m.changed("removed", e.status())
	return nil
}

// Close closes all links. It returns the links that listened, sorted by name, with their final
// counters. Create fails from then on. A second Close returns nil.
func (m *Manager) Close() (closed []*Status) {
	listening := m.takeAll()
	for _, e := range listening {
		e.close()
	}
	for _, e := range listening {
		closed = append(closed, e.status())
	}
	return closed
}

// takeAll removes all links. It returns those that listen, sorted by name, and stops the start of the
// others.
func (m *Manager) takeAll() (listening []*entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, name := range slices.Sorted(maps.Keys(m.links)) {
		if e := m.links[name]; e.listening {
			listening = append(listening, e)
		} else {
			e.cancel() // Create cleans up
		}
	}
	m.links = nil
	return listening
}

// find returns a link that listens.
func (m *Manager) find(name string) (*entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.links[name]
	if !ok || !e.listening {
		return nil, newError(404, "name", "there is no link "+strconv.Quote(name))
	}
	return e, nil
}
