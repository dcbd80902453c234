package cli

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/responder"
)

// responderNames returns the names of all responders.
func responderNames() (names []string) {
	for _, r := range responder.All() {
		names = append(names, r.Name)
	}
	return names
}

// serveResponders lists the responders for the help text.
func serveResponders() string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, r := range responder.All() {
		fmt.Fprintf(columns, "  %s\t%s\t%d\n", r.Name, r.Effect, r.Excess)
	}
	columns.Flush()
	return strings.TrimSuffix(text.String(), "\n")
}

// handler returns the handler of --transform.
func (f *serveFlags) handler() (ohce.Handler, error) {
	r, ok := responder.Find(f.transform)
	if !ok || !r.Named {
		if f.identity != "" {
			return nil, usage("leave --identity out, or use --transform agnhost or identity",
				"--identity has no effect with --transform %s", f.transform)
		}
	}
	if !ok {
		t, err := parseTransform("transform", f.transform, f.graphemes, responderNames()...)
		if err != nil {
			return nil, err
		}
		return transformHandler(t), nil
	}
	if f.graphemes {
		return nil, usage("leave --graphemes out, or use --transform flip or reverse",
			"--graphemes has no effect with --transform %s", f.transform)
	}
	b := &responder.Backend{PID: os.Getpid(), Started: time.Now()}
	if r.Named {
		var err error
		if b.Name, err = serverName(f.identity, os.Hostname); err != nil {
			return nil, err
		}
	}
	return responderHandler(r, b), nil
}

// serverName returns the name of the server: the value of --identity or, if that is empty, the host
// name, which hostname returns.
func serverName(identity string, hostname func() (string, error)) (string, error) {
	if identity != "" {
		if err := responder.CheckName(identity); err != nil {
			return "", usage("use up to 253 letters, digits, dots, hyphens and underscores",
				"--identity: %v", err)
		}
		return identity, nil
	}
	name, err := hostname()
	if err == nil {
		err = responder.CheckName(name)
	}
	if err != nil {
		return "", usage("give the server a name: --identity NAME", "cannot use the host name: %v",
			rootCause(err))
	}
	return name, nil
}

// responderHandler returns a handler that responds as r does, with the identity b.
func responderHandler(r responder.Responder, b *responder.Backend) ohce.Handler {
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, q *ohce.Request) {
		response, ok := r.Append(w.AvailableBuffer(), responder.Request{
			Data: q.Data, Client: q.RemoteAddr, Server: q.LocalAddr, Time: time.Now(),
		}, b)
		if ok {
			w.Write(response)
		}
	})
}
