package ohce

import (
	"net/netip"
	"sync"

	"github.com/ohce/ohce/internal/exchange"
)

// maxEstimators is the number of servers whose round-trip times a client keeps.
const maxEstimators = 1024

// estimators holds the round-trip time estimators of a client, by server.
type estimators struct {
	mu       sync.Mutex
	byServer map[netip.AddrPort]*exchange.Estimator
}

// of returns the estimator of a server. If there are already maxEstimators, it discards an
// arbitrary one.
func (es *estimators) of(server netip.AddrPort) *exchange.Estimator {
	es.mu.Lock()
	defer es.mu.Unlock()
	e, ok := es.byServer[server]
	if ok {
		return e
	}
	if es.byServer == nil {
		es.byServer = make(map[netip.AddrPort]*exchange.Estimator)
	}
	if len(es.byServer) == maxEstimators {
		for other := range es.byServer {
			delete(es.byServer, other)
			break
		}
	}
	e = &exchange.Estimator{}
	es.byServer[server] = e
	return e
}
