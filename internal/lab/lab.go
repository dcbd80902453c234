// Package lab serves a web page that shows exchanges over UDP, datagram by datagram: a lesson about
// loss, timeouts, ports, retransmission and late responses.
//
// # A run
//
// For each run, the lab makes two exchanges between sockets on the loopback interface: a client, a
// link that impairs the datagrams, and a server. One client has the linear retry schedule, the other
// one the adaptive schedule. Both links have the same seed, so the n-th datagram of a direction has
// the same fate on both.
//
// # The same picture for the same settings
//
// The clock differs from run to run by fractions of a millisecond. A [Plan] is therefore what the
// seed decides for exact times: pure, and always the same. The lab makes the exchange on sockets,
// records it, and compares it with the plan step by step. The page draws the steps at the times of
// the plan and shows the measured time of each one beside it. If an exchange differs from its plan,
// because this machine was busy, the lab makes it again. If it still differs, the page says so.
//
// # HTTP
//
//	GET  /                the page; its query holds the settings
//	POST /run?SETTINGS    make the exchanges and respond with a Result as JSON
//
// The settings are those of [ParseSettings]. An error is a JSON object with the member error.
package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/web"
)

// DefaultMaxRuns is the default of Handler.MaxRuns.
const DefaultMaxRuns = 4

// maxQueueing is how long a run waits for another one to end.
const maxQueueing = 3 * time.Second

// A Handler serves the lab. The zero value is ready to use. Its fields must not change after the
// first request.
type Handler struct {
	// Hosts are names and addresses that the Host header of a request may have, besides the address
	// of the connection and, on a loopback address, localhost.
	Hosts []string
	// MaxRuns is the maximum number of runs at a time. Further ones wait for up to three seconds and
	// then fail. If zero, it is DefaultMaxRuns. It must not be negative.
	MaxRuns int

	once  sync.Once
	slots chan struct{} // holds one value for each run
	mux   *http.ServeMux
}

func (h *Handler) init() {
	h.slots = make(chan struct{}, cmp.Or(h.MaxRuns, DefaultMaxRuns))
	h.mux = http.NewServeMux()
	h.mux.HandleFunc("GET /{$}", servePage)
	for name := range assets {
		h.mux.HandleFunc("GET /"+name, serveAsset)
	}
	h.mux.HandleFunc("POST /run", h.serveRun)
}

// policy allows nothing but the scripts, styles, pictures and requests of the lab itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP serves a request. It refuses requests of web pages of another origin.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(h.init)
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-cache")
	if err := web.CheckAccess(r, h.Hosts); err != nil {
		respondError(w, http.StatusForbidden, err)
		return
	}
	h.mux.ServeHTTP(w, r)
}

var errBusy = errors.New("the lab is busy with other runs: try again")

// serveRun makes the exchanges of the settings in the query.
func (h *Handler) serveRun(w http.ResponseWriter, r *http.Request) {
	settings, err := ParseSettings(r.URL.Query())
	if err != nil {
		respondError(w, http.StatusBadRequest, err)
		return
	}
	if err := h.acquire(r.Context()); err != nil {
		w.Header().Set("Retry-After", "2")
		respondError(w, http.StatusServiceUnavailable, err)
		return
	}
	defer func() { <-h.slots }()
	result, err := Run(r.Context(), settings)
	if err != nil {
		respondError(w, http.StatusInternalServerError, err)
		return
	}
	respond(w, http.StatusOK, result)
}

// acquire waits until fewer than MaxRuns runs are in progress.
func (h *Handler) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxQueueing)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errBusy
	}
}

func respondError(w http.ResponseWriter, status int, err error) {
	respond(w, status, map[string]string{"error": err.Error()})
}

func respond(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // fails only if the client is gone
}
