package linkapi

import (
	"context"
	"errors"

	"github.com/ohce/ohce/link/relay"
)

// An entry is a link of a Manager.
type entry struct {
	name   string
	seed   uint64
	relay  *relay.Relay
	cancel context.CancelFunc // stops the start of the relay

	listening bool // guarded by Manager.mu

	done chan struct{} // closed when serve has ended
	err  error         // result of Serve; valid once done is closed
}

func (e *entry) serve() {
	defer close(e.done)
	e.err = e.relay.Serve()
}

// close closes the relay and waits for serve.
func (e *entry) close() {
	e.relay.Close()
	<-e.done
}

func (e *entry) status() *Status {
	s := &Status{
		Name: e.name, Listen: e.relay.LocalAddr().String(), To: e.relay.To, Seed: e.seed,
		Schedule: e.relay.Schedule(), Stats: e.relay.Stats(),
	}
	s.Up, s.Down = e.relay.Impairments()
	select {
	case <-e.done:
		if !errors.Is(e.err, relay.ErrClosed) {
			s.Error = e.err.Error()
		}
	default:
	}
	return s
}
