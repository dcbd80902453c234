package ohce_test

import (
	"testing"
	"testing/synctest"

	"github.com/ohce/ohce"
)

// A Deduplicator remembers how a deferred response ended, also if the server was closed before.
func TestDeduplicatorRemembersAfterServerClose(t *testing.T) {
	for _, tt := range []struct {
		name     string
		end      func(d *ohce.Deferred)
		response string
		written  bool
	}{
		{"send", func(d *ohce.Deferred) { d.Write([]byte("response")); d.Send() }, "response", true},
		{"send empty", func(d *ohce.Deferred) { d.Write(nil); d.Send() }, "", true},
		{"send nothing", func(d *ohce.Deferred) { d.Send() }, "", false},
		{"send too much", func(d *ohce.Deferred) {
			d.Write([]byte("the beginning"))
			d.Write(make([]byte, 65_507))
			d.Send()
		}, "", false},
		{"close", func(d *ohce.Deferred) { d.Close() }, "", false},
		{"close after a write", func(d *ohce.Deferred) { d.Write([]byte("half of")); d.Close() }, "", false},
		{"close during a write", func(d *ohce.Deferred) {
			writing := make(chan struct{}, 1<<16)
			go func() {
				for _, err := d.Write([]byte("x")); err == nil; _, err = d.Write([]byte("x")) {
					writing <- struct{}{}
				}
				close(writing)
			}()
			<-writing
			d.Close()
		}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			deferred := make(chan *ohce.Deferred, 1)
			d := &ohce.Deduplicator{Handler: ohce.HandlerFunc(
				func(w *ohce.ResponseWriter, r *ohce.Request) { deferred <- w.Defer(r) })}
			testDeduplicator(t, d, func(t dedupTest) {
				t.send("request", 1)
				x := <-deferred
				t.srv.Close()
				synctest.Wait() // until the server has ended x
				tt.end(x)
				synctest.Wait()
				var w ohce.ResponseWriter
				d.ServeUDP(&w, x.Request)
				if w.Written() != tt.written || string(w.Bytes()) != tt.response {
					t.Errorf("the remembered response is %.20q (written: %v), want %q (%v)", w.Bytes(),
						w.Written(), tt.response, tt.written)
				}
				if hits := d.Stats().Hits; hits != 1 {
					t.Errorf("%d hits, want 1", hits)
				}
			})
		})
	}
}
