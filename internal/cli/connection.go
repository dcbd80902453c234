package cli

import (
	"context"
	"iter"

	"github.com/ohce/ohce"
)

// A connection sends messages to the servers and accepts the responses that match one expectation.
type connection struct {
	group *ohce.Group
}

// sole returns the client of the only server, or nil if there are several.
func (c *connection) sole() *ohce.Client {
	if len(c.group.Clients) > 1 {
		return nil
	}
	return c.group.Clients[0]
}

// exchange sends a message to the only server or, if there are several, by the policy.
func (c *connection) exchange(ctx context.Context, message []byte) (*ohce.Response, error) {
	if client := c.sole(); client != nil {
		return client.Exchange(ctx, message)
	}
	return c.group.Exchange(ctx, message)
}

// stream sends many messages, as exchange sends one.
func (c *connection) stream(ctx context.Context,
	messages iter.Seq[[]byte]) iter.Seq2[ohce.Result, error] {
	if client := c.sole(); client != nil {
		return client.Stream(ctx, messages)
	}
	return c.group.Stream(ctx, messages)
}

// unexpectedFrom returns the number of datagrams from a server that were not a response.
func (c *connection) unexpectedFrom(addr string) (n uint64) {
	for _, client := range c.group.Clients {
		if client.Addr == addr {
			n += client.Stats().Unexpected
		}
	}
	return n
}
