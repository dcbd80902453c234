// Package dashboard serves a web page that shows the traffic of a server or of links as it is now:
// datagrams a second, drops by reason, times of the handler, busiest prefixes and last exchanges.
//
//	d := &dashboard.Dashboard{
//		Title:  "127.0.0.1:3000",
//		Source: func() *dashboard.Snapshot { return dashboard.OfServer(srv.ShardStats()) },
//	}
//	d.Start()
//	defer d.Close()
//	http.Handle("/", d)
//
// The page changes nothing. It loads nothing from elsewhere and gets its figures as server-sent
// events. A reader that is slow loses figures, and delays neither the server nor other readers.
package dashboard

import (
	"net/http"
	"sync"
	"time"
)

const (
	// Interval is the time between two snapshots.
	Interval = time.Second
	// MaxStreams is the maximum number of pages that get figures at a time.
	MaxStreams = 1500
)

// Paths are the patterns of http.ServeMux for the paths of a Dashboard.
var Paths = []string{"/{$}", "/dashboard.css", "/dashboard.js", "/icon.svg", "/events"}

// A Dashboard is an http.Handler with the page and its files:
//
//	/                 the page
//	/dashboard.css    its style
//	/dashboard.js     its script
//	/icon.svg         its icon
//	/events           the figures, as server-sent events
//
// Its fields must not change after Start.
type Dashboard struct {
	// Command and Title are the heading of the page, such as "ohce serve" and "127.0.0.1:3000".
	Command, Title string
	// Version is the version of the program, or "".
	Version string
	// Source returns the current counters. It is called once each Interval, by one goroutine. OfLinks
	// says that they are those of links.
	Source  func() *Snapshot
	OfLinks bool
	// Sampler takes samples of the requests for the page while a page is open. If nil, the page has
	// no prefixes and no exchanges.
	Sampler *Sampler
	// Ready returns the reason why the process does not accept requests, or nil. If Ready is nil, it
	// always does.
	Ready func() error
	// Hosts are further values of the Host header that are allowed. See web.CheckAccess.
	Hosts []string

	initialize sync.Once
	mux        http.ServeMux
	index      []byte // the page

	stop  chan struct{} // closed by Close
	ended chan struct{} // closed when run has returned
	wake  chan struct{} // receives when the first stream begins

	mu      sync.Mutex
	started bool
	closed  bool
	streams map[*stream]struct{}
	figures recorder
	current *frame // of the last snapshot
	first   []byte // what a new stream gets first; nil if not encoded yet

	maxUpdates int    // the constant, unless a test has changed it
	pending    []byte // updates that the streams have not got yet
	combined   int    // how many
}

// Start begins to take snapshots. Before Start and after Close, there are no figures. Start must be
// called once, before the first request.
func (d *Dashboard) Start() {
	d.initialize.Do(d.init)
	d.mu.Lock()
	d.started = true
	d.mu.Unlock()
	go d.run() // ends with Close, which waits for it
}

// Close ends all streams of figures. It has no effect before Start, and can be called again.
func (d *Dashboard) Close() {
	d.mu.Lock()
	started, first := d.started, !d.closed
	d.closed = d.started
	d.mu.Unlock()
	if !started {
		return
	}
	if first {
		close(d.stop)
	}
	<-d.ended
}

func (d *Dashboard) init() {
	d.stop, d.ended, d.wake = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	d.streams = make(map[*stream]struct{})
	if d.maxUpdates == 0 {
		d.maxUpdates = maxUpdates
	}
	d.routes()
}

// ServeHTTP implements http.Handler.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.initialize.Do(d.init)
	d.mux.ServeHTTP(w, r)
}
