package ohce

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestOpenResponsesWait: wait returns when nothing is left to wait for. It waits for handlers and for
// responses that are being sent even after its context is done, and not for other responses.
func TestOpenResponsesWait(t *testing.T) {
	for _, tt := range []struct {
		name  string
		begin func(*openResponses)
		end   func(*openResponses) // nil: wait does not wait for it
		open  int
	}{
		{"nothing", func(*openResponses) {}, nil, 0},
		{"a handler", (*openResponses).startHandler, (*openResponses).endHandler, 0},
		{"a response that is being sent", func(o *openResponses) {
			o.add()
			o.startEnding()
		}, (*openResponses).endEnding, 0},
		{"open responses", func(o *openResponses) {
			o.add()
			o.add()
		}, nil, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				var o openResponses
				tt.begin(&o)
				open := make(chan int, 1)
				go func() { open <- o.wait(ctx) }()
				synctest.Wait()
				if tt.end != nil {
					if len(open) > 0 {
						t.Error("wait returned early")
					}
					tt.end(&o)
				}
				if n := <-open; n != tt.open {
					t.Errorf("wait ended %d responses, want %d", n, tt.open)
				}
			})
		})
	}
}
