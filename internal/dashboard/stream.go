package dashboard

import (
	"net/http"
	"time"
)

const (
	// keepAlive is the time after which a stream without figures gets a comment, so that proxies do
	// not close the connection.
	keepAlive = 15 * time.Second
	// writeTimeout is how long a reader may take to read what it was sent.
	writeTimeout = 10 * time.Second
)

// serveEvents sends the figures until the client, or the Dashboard, closes the connection.
func (d *Dashboard) serveEvents(w http.ResponseWriter, r *http.Request) {
	s, ok := d.subscribe()
	if !ok {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many pages are open; close one of them", http.StatusServiceUnavailable)
		return
	}
	defer d.unsubscribe(s)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would collect the events
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	silence := time.NewTimer(keepAlive)
	defer silence.Stop()
	for {
		var b []byte
		select {
		case b = <-s.next:
		case <-silence.C:
			b = []byte(": keep-alive\n\n")
		case <-r.Context().Done():
			return
		case <-d.stop:
			return
		}
		if send(w, control, b) != nil {
			return
		}
		silence.Reset(keepAlive)
	}
}

// send writes b within writeTimeout.
func send(w http.ResponseWriter, control *http.ResponseController, b []byte) error {
	_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails only without a connection
	if _, err := w.Write(b); err != nil {
		return err
	}
	return control.Flush()
}
