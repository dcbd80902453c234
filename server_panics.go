package ohce

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// A panicLog logs the panics of a server's handlers, at most one a second.
type panicLog struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int // panics since the last record
}

// call calls h and reports whether it returned. It recovers and logs a panic.
func (l *panicLog) call(log *slog.Logger, h Handler, w *ResponseWriter, r *Request) (ok bool) {
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
		l.suppressed++
		return
	}
	if log == nil {
		log = slog.Default()
	}
	log.Error("ohce: handler panicked", "panic", value, "remote", r.RemoteAddr,
		"since_last_record", l.suppressed, "stack", string(debug.Stack()))
	l.last, l.suppressed = now, 0
}
