package docs_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/ohcetest"
)

// The functions below contain the Go snippets of asking.md.

func askOnce(ctx context.Context, use func(*ohce.Response)) error {
	c := &ohce.Client{Addr: "192.0.2.7:3000"}
	defer c.Close()
	resp, err := c.Exchange(ctx, []byte("Hello"))
	switch {
	case errors.Is(err, ohce.ErrServerDown): // no response within the schedule
	case err != nil: // for example ctx is done, or the request is too long for a datagram
	default: // resp.Data, resp.RTT, resp.Attempts
	}
	if err == nil {
		use(resp)
	}
	return err
}

func askMany(ctx context.Context, c *ohce.Client, requests iter.Seq[[]byte],
	use func(request, response []byte)) error {
	for r, err := range c.Stream(ctx, requests) { // requests is an iter.Seq[[]byte]
		switch {
		case err != nil: // the stream has ended, for example because ctx is done
			return err
		case r.Err != nil: // this request has no response, and the stream continues
			log.Printf("request %d: %v", r.Index, r.Err)
		default:
			use(r.Request, r.Response.Data)
		}
	}
	return nil
}

func matchByKey(c *ohce.Client, appendRequestKey func(dst, request []byte) []byte,
	appendResponseKey func(dst, response []byte) ([]byte, bool)) {
	c.Match = &ohce.Matcher{
		RequestKey:  appendRequestKey,  // func(dst, request []byte) []byte
		ResponseKey: appendResponseKey, // func(dst, response []byte) ([]byte, bool)
	}
}

func askSeveral(ctx context.Context) (*ohce.Response, error) {
	g := &ohce.Group{
		Policy:  ohce.Failover, // or RoundRobin, Race
		Clients: []*ohce.Client{{Addr: "192.0.2.7:3000"}, {Addr: "192.0.2.8:3000"}},
	}
	resp, err := g.Exchange(ctx, []byte("Hello"))
	return resp, err
}

// TestAskMany runs the snippets for many requests and for a key on the in-memory network.
func TestAskMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		n.NewPeer("192.0.2.7:3000", flip.Append)
		c := &ohce.Client{Addr: "192.0.2.7:3000", Dial: n.Dial}
		defer c.Close()
		matchByKey(c, flip.Append, func(dst, response []byte) ([]byte, bool) {
			return append(dst, response...), true
		})
		var got []string
		err := askMany(t.Context(), c, slices.Values(bytes.Fields([]byte("one Two THREE"))),
			func(_, response []byte) { got = append(got, string(response)) })
		if want := []string{"ENO", "OWt", "eerht"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	})
}

// TestAskUnreachable checks that the snippets with real addresses report the error of a context.
func TestAskUnreachable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	use := func(*ohce.Response) { t.Error("got a response") }
	if err := askOnce(ctx, use); !errors.Is(err, context.Canceled) {
		t.Errorf("one server: %v", err)
	}
	if _, err := askSeveral(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("several servers: %v", err)
	}
}
