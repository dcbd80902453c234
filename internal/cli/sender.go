package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/safetext"
)

// A sender sends messages and prints the responses.
type sender struct {
	app    *app
	flags  *sendFlags
	addrs  []string // of the servers
	policy ohce.GroupPolicy
	retry  ohce.Retry
	// dial is ohce.Client.Dial of all clients; nil dials real sockets.
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	conns  []*connection // all that were opened; the first one is for single messages
	tracer *tracer       // nil unless --trace or --trace-svg is set

	escapes bool // responses are escaped, because standard output is a terminal
}

func (a *app) newSender(ctx context.Context, f *sendFlags) (*sender, error) {
	if f.graphemes && f.expect == "any" {
		return nil, usage("leave --graphemes out, or use --expect auto or flip",
			"--graphemes has no effect with --expect any")
	}
	if f.raw && f.json {
		return nil, usage("leave one of them out", "--raw has no effect with --json")
	}
	s := &sender{app: a, flags: f, escapes: isTerminal(a.out) && !f.raw}
	var err error
	if s.retry, err = parseRetry(f.retry); err != nil {
		return nil, err
	}
	if s.policy, err = parsePolicy(f.policy); err != nil {
		return nil, err
	}
	var match *ohce.Matcher // nil accepts any response
	if f.expect != "any" && f.expect != "auto" {
		t, err := parseTransform("expect", f.expect, f.graphemes, "auto", "any")
		if err != nil {
			return nil, err
		}
		match = ohce.MatchExact(t.Append)
	}
	if s.addrs, err = findServers(ctx, f.servers); err != nil {
		return nil, err
	}
	s.open(match)
	return s, nil
}

// open returns a new connection to the servers.
func (s *sender) open(match *ohce.Matcher) *connection {
	c := &connection{group: &ohce.Group{Policy: s.policy}}
	for _, addr := range s.addrs {
		c.group.Clients = append(c.group.Clients,
			&ohce.Client{Addr: addr, Retry: s.retry, Match: match, Dial: s.dial})
	}
	s.conns = append(s.conns, c)
	return c
}

// close closes all connections.
func (s *sender) close() {
	for _, c := range s.conns {
		c.group.Close()
	}
}

// stats returns the sum of the counters of all clients that show what the servers have sent.
func (s *sender) stats() (sum ohce.ClientStats) {
	for _, c := range s.conns {
		for _, client := range c.group.Clients {
			n := client.Stats()
			sum.Answered += n.Answered
			sum.Unexpected += n.Unexpected
			sum.Late += n.Late
		}
	}
	return sum
}

// startTrace sets up the diagrams that the flags ask for. It fails if the SVG file cannot be
// written. With numbered set, the text shows the number of each exchange.
func (s *sender) startTrace(numbered bool) (err error) {
	t := new(tracer)
	if s.flags.trace {
		t.text = s.app.newText(s.app.err)
		t.text.Numbered = numbered
	}
	if s.flags.traceSVG != "" {
		if t.file, err = newOutputFile("trace-svg", s.flags.traceSVG, "trace.svg"); err != nil {
			return err
		}
	}
	if t.text != nil || t.file != nil {
		s.tracer = t
		clients := s.conns[0].group.Clients
		for i, c := range clients {
			c.Trace = t.trace(i, len(clients))
		}
	}
	return nil
}

// finishTrace completes the diagrams. No exchange may be in progress. err is the error that ended
// the exchanges; if it is not nil, finishTrace reports an error of its own and returns err.
func (s *sender) finishTrace(err error) error {
	if s.tracer == nil {
		return err
	}
	s.tracer.flush()
	failed := s.tracer.write()
	if err == nil || failed == nil {
		return errors.Join(err, failed)
	}
	s.app.report(failed)
	return err
}

// sendOne sends one message and prints the response.
func (s *sender) sendOne(ctx context.Context, message []byte) error {
	resp, err := s.conns[0].exchange(ctx, message)
	if s.tracer != nil {
		s.tracer.flush()
	}
	if err == nil {
		return s.print(message, resp)
	}
	failed := s.failure(message, err)
	if s.flags.json && failed.json != "" {
		if err := s.printFailure(s.app.out, 0, message, failed); err != nil {
			return err
		}
	}
	return failed
}

// serverAddr returns the address of the server that sent resp. If there is only one server, it
// returns the address as given.
func (s *sender) serverAddr(resp *ohce.Response) string {
	if len(s.addrs) == 1 {
		return s.addrs[0]
	}
	return resp.RemoteAddr.String()
}

// print writes a response to standard output.
func (s *sender) print(message []byte, resp *ohce.Response) error {
	return s.printTo(s.app.out, 0, message, resp)
}

// printTo writes a response to w. n is the number of the message's line, or 0.
func (s *sender) printTo(w io.Writer, n int, message []byte, resp *ohce.Response) error {
	var line []byte
	switch {
	case s.flags.json:
		line = jsonAnswer(n, s.serverAddr(resp), message, resp)
	case s.escapes:
		line = append(safetext.Append(nil, resp.Data), '\n')
	default:
		line = append(resp.Data, '\n')
	}
	if _, err := w.Write(line); err != nil {
		return outputFailure(err)
	}
	return nil
}

// outputFailure returns the failure to write a response.
func outputFailure(err error) error {
	return &failure{what: fmt.Sprintf("cannot write the answer: %v", err), code: exitFail}
}
