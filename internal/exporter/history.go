package exporter

import "sync"

// maxHistory is the number of latest probes, and of latest failed probes, that a history has.
const maxHistory = 100

// A history holds the latest probes. Failed probes stay longer if there are many others.
type history struct {
	mu     sync.Mutex
	last   uint64 // number of the latest probe
	latest []recorded
	failed []recorded
}

// A recorded is a probe with its number, from 1.
type recorded struct {
	number uint64
	result *Result
}

// add adds a probe.
func (h *history) add(r *Result) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	one := recorded{h.last, r}
	h.latest = keep(append(h.latest, one))
	if !r.Success {
		h.failed = keep(append(h.failed, one))
	}
}

// keep returns the last maxHistory elements.
func keep(all []recorded) []recorded {
	if len(all) <= maxHistory {
		return all
	}
	copy(all, all[1:])
	return all[:maxHistory]
}

// list returns the probes, newest first: the latest ones, and failed ones before them.
func (h *history) list() []recorded {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []recorded
	for i := len(h.latest) - 1; i >= 0; i-- {
		all = append(all, h.latest[i])
	}
	for i := len(h.failed) - 1; i >= 0; i-- {
		if h.failed[i].number < h.latest[0].number {
			all = append(all, h.failed[i])
		}
	}
	return all
}

// find returns the probe with a number, or nil.
func (h *history) find(number uint64) *Result {
	for _, one := range h.list() {
		if one.number == number {
			return one.result
		}
	}
	return nil
}
