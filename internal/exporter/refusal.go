package exporter

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// minRefusalInterval is the time between two lines about refused requests in the log, so that a
// client cannot fill it.
const minRefusalInterval = time.Second

// A refusalLimit decides which refused requests have a line in the log.
type refusalLimit struct {
	last     time.Time // of the latest line
	unlisted int       // refused requests since then
}

// admit reports whether a request that is refused at now has a line, and how many since the latest
// line have none.
func (l *refusalLimit) admit(now time.Time) (unlisted int, ok bool) {
	if !l.last.IsZero() && now.Sub(l.last) < minRefusalInterval {
		l.unlisted++
		return 0, false
	}
	unlisted = l.unlisted
	l.last, l.unlisted = now, 0
	return unlisted, true
}

// A refusalLog logs refused requests for probes.
type refusalLog struct {
	mu    sync.Mutex // guards limit
	limit refusalLimit
}

// add logs a request that is refused for a reason. what is the text that the client gets.
func (l *refusalLog) add(log *slog.Logger, r *http.Request, reason, what string) {
	l.mu.Lock()
	unlisted, ok := l.limit.admit(time.Now())
	l.mu.Unlock()
	if !ok {
		return
	}
	const longest = 1000 // bytes of a text that the client has chosen
	log.Warn("request refused", "client", r.RemoteAddr, "reason", reason,
		"error", what[:min(len(what), longest)], "not_listed", unlisted)
}
