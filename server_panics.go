package ohce

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// panicLog logs the panics of a server's handlers, one record a second at most.
type panicLog struct {
	mu     sync.Mutex
	last   time.Time
	unsaid int // panics since the last record
}

// guard calls h and reports false if it panicked.
func (l *panicLog) guard(log *slog.Logger, h Handler, w *ResponseWriter, r *Request) (ok bool) {
	defer func() {
		if !ok {
			l.record(log, recover(), r)
		}
	}()
	h.ServeUDP(w, r)
	return true
}

func (l *panicLog) record(log *slog.Logger, value any, r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.last.IsZero() && now.Sub(l.last) < time.Second {
		l.unsaid++
		return
	}
	if log == nil {
		log = slog.Default()
	}
	log.Error("ohce: handler panicked", "panic", value, "remote", r.RemoteAddr,
		"since_last_record", l.unsaid, "stack", string(debug.Stack()))
	l.last, l.unsaid = now, 0
}
