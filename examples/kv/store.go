package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ohce/ohce"
)

// idLength is the length in bytes of the identifier at the start of each request and response.
const idLength = 4

// maxWait is how long a wait request stays open. It covers the retry schedule of most clients.
const maxWait = 2 * time.Second

// A store is an ohce.Handler that keeps values by key. It is safe for concurrent use: several sockets
// call it at once. Its size has no limit, so only trusted clients may reach it.
type store struct {
	mu      sync.Mutex
	values  map[string]string
	waiting map[string][]*ohce.Deferred // by the key that they wait for
}

func newStore() *store {
	return &store{values: make(map[string]string), waiting: make(map[string][]*ohce.Deferred)}
}

// ServeUDP runs the command of one request. A request without an identifier gets no response.
func (s *store) ServeUDP(w *ohce.ResponseWriter, r *ohce.Request) {
	words := strings.Fields(string(r.Data))
	if len(words) == 0 || len(words[0]) != idLength {
		return
	}
	id, words := words[0], words[1:]
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(words) == 2 && words[0] == "get":
		fmt.Fprint(w, id, " ", s.values[words[1]])
	case len(words) == 3 && words[0] == "set":
		s.set(words[1], words[2])
		fmt.Fprint(w, id, " ok")
	case len(words) == 3 && words[0] == "add":
		n, _ := strconv.Atoi(s.values[words[1]])
		more, _ := strconv.Atoi(words[2])
		s.set(words[1], strconv.Itoa(n+more))
		fmt.Fprint(w, id, " ", n+more)
	case len(words) == 2 && words[0] == "wait":
		fmt.Fprint(w, id, " ")
		s.wait(words[1], w.Defer(r))
	default:
		fmt.Fprint(w, id, " invalid request")
	}
}

// set changes a value and answers the requests that wait for it. The caller holds mu.
func (s *store) set(key, value string) {
	s.values[key] = value
	for _, d := range s.waiting[key] {
		fmt.Fprint(d, value)
		d.Send() // a client that no longer waits loses nothing if this fails
	}
	delete(s.waiting, key)
}

// wait keeps the response to a request until its key is set, for at most maxWait. The caller holds
// mu.
func (s *store) wait(key string, d *ohce.Deferred) {
	s.waiting[key] = append(s.waiting[key], d)
	time.AfterFunc(maxWait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiting[key] = slices.DeleteFunc(s.waiting[key], func(other *ohce.Deferred) bool {
			return other == d
		})
		if len(s.waiting[key]) == 0 {
			delete(s.waiting, key)
		}
		d.Close() // has no effect after Send
	})
}
