package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

// The exit codes of ohce ping if no request had a right response.
var pingExits = []struct {
	class measure.Class
	code  int
	word  string // printed for a request
}{
	{measure.Lost, exitFail, "TIMEOUT"},
	{measure.Refused, exitRefused, "REFUSED"},
	{measure.Unreachable, exitUnreachable, "UNREACHABLE"},
	{measure.Wrong, exitWrongAnswer, "WRONG ANSWER"},
	{measure.Unsent, exitNotSent, "NOT SENT"},
}

// pingExitCodes lists the exit codes for the help text.
func pingExitCodes() string {
	var all []string
	for _, e := range pingExits {
		all = append(all, fmt.Sprintf("%d for %s", e.code, e.word))
	}
	return strings.Join(all, ", ")
}

// A pinger sends the requests of ohce ping and reports the results.
type pinger struct {
	flags   *pingFlags
	payload *pingPayload
	target  string // as the user gave it
	addr    string
	out     *flushWriter
	check   *pingCheck  // nil without --warn and --crit
	live    *liveScreen // nil without --live
	view    liveView    // guarded by live
	prober  *measure.Prober
	sum     measure.Summary
	last    measure.Class

	directions *measure.DirectionReport // nil without --server-metrics
}

func (a *app) newPinger(f *pingFlags, payload *pingPayload, target, addr string) *pinger {
	p := &pinger{flags: f, payload: payload, target: target, addr: addr, out: newFlushWriter(a.out)}
	p.prober = &measure.Prober{
		Addr: addr, Match: payload.match, Request: payload.request, Check: payload.check,
		Timeout: f.timeout,
	}
	if f.interval == 0 {
		p.prober.Closed = 1
	}
	return p
}

// run sends the requests and prints the results. It returns the failure that decides the exit code.
func (p *pinger) run(ctx context.Context) error {
	if err := p.flags.metrics.begin(ctx); err != nil {
		return err
	}
	if err := p.head(); err != nil {
		return err
	}
	defer p.live.stop()
	due := measure.Limit(measure.Regular(p.flags.interval), p.flags.count, 0)
	for sample, err := range p.prober.Run(ctx, due) {
		if err != nil {
			if ctx.Err() != nil {
				break // Ctrl-C or the deadline
			}
			return errors.Join(&failure{what: rootCause(err).Error(), code: exitFail}, p.out.close())
		}
		p.live.update(func() { p.sum.Add(sample) })
		p.last = sample.Class
		if err := p.printSample(sample); err != nil {
			return errors.Join(err, p.out.close())
		}
		if p.flags.wait && sample.Class == measure.Answered {
			break
		}
	}
	stopped := p.live.stop()
	counts := p.prober.Counts()
	p.sum.SetCounts(counts)
	var unknown error // why the loss by direction is not known
	p.directions, unknown = p.flags.metrics.end(ctx, p.sum.Sent(), counts.Arrived)
	if err := errors.Join(stopped, p.printSummary(), p.out.close()); err != nil {
		return outputFailure(err)
	}
	return cmp.Or(unknown, p.failure(ctx))
}

// failure returns the failure of a run without a right response, or nil. With --warn or --crit, it
// returns the status instead, or nil if that is OK.
func (p *pinger) failure(ctx context.Context) error {
	if p.check != nil {
		if status := p.check.status(&p.sum); status != pluginOK {
			return status
		}
		return nil
	}
	if p.sum.Answered > 0 {
		return nil
	}
	if p.sum.Sent()+p.sum.Own.Refused == 0 {
		return noResult(ctx)
	}
	for _, e := range pingExits {
		if e.class == p.last {
			return &failure{what: fmt.Sprintf("no right response from %s", p.target), code: e.code,
				hint: p.hint()}
		}
	}
	return nil
}

// noResult returns the failure of a run that ended before the first result.
func noResult(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &failure{what: "--deadline passed before the first result", code: exitFail, hint: "choose a longer one"}
	}
	return &failure{what: "interrupted before the first result", code: exitFail}
}

// hint returns what to try after the last result.
func (p *pinger) hint() string {
	if p.sum.Late > 0 {
		return fmt.Sprintf("responses arrived more than --timeout %v after the requests: choose a longer one", p.flags.timeout)
	}
	switch p.last {
	case measure.Refused:
		return "no server listens on this port; check the port, or start the server"
	case measure.Unreachable:
		return "check the address and the routes of this machine"
	case measure.Wrong:
		if p.flags.send != "" {
			return "the response does not fit --expect; --expect any accepts any response"
		}
		if p.flags.probe != "" {
			return "another service listens there, or the server violates the protocol; try --send"
		}
		return "give the request and the response with --send and --expect; --expect any accepts any response"
	case measure.Unsent:
		return "check the firewall and the limits of this machine"
	default:
		if p.flags.probe != "" {
			return "a wrong address, a firewall, or a server that ignores strangers; try a longer --timeout"
		}
		if p.flags.send == "" {
			return "a wrong address, a firewall, or a service that does not answer such a text: try --send"
		}
		return "a wrong address, a firewall, or a service that does not answer this request; try a longer --timeout"
	}
}

// head prints the first line.
func (p *pinger) head() error {
	if p.flags.json || p.check != nil || p.live != nil {
		return nil
	}
	return p.print(p.title())
}

// title returns the first line.
func (p *pinger) title() string {
	if p.addr == p.target {
		return "ping " + p.target
	}
	return fmt.Sprintf("ping %s (%s)", p.target, p.addr)
}

// print prints a line.
func (p *pinger) print(line string) error {
	if _, err := io.WriteString(p.out, line+"\n"); err != nil {
		return outputFailure(err)
	}
	return nil
}

// printSample prints the result of a request.
func (p *pinger) printSample(s measure.Sample) error {
	switch {
	case p.check != nil:
		return nil
	case p.live != nil:
		p.live.update(func() { p.view.strip.add(s.Class) })
		return nil
	}
	if p.flags.json {
		if _, err := p.out.Write(jsonPing(p.target, s)); err != nil {
			return outputFailure(err)
		}
		return nil
	}
	return p.print(fmt.Sprintf("%d: %s", s.Number, p.describe(s)))
}

// describe describes the result of a request.
func (p *pinger) describe(s measure.Sample) string {
	word := ""
	for _, e := range pingExits {
		if e.class == s.Class {
			word = e.word
		}
	}
	switch s.Class {
	case measure.Answered:
		text := fmt.Sprintf("%s, %s", plural(len(s.Response), "byte"), inMillis(s.RTT))
		if p.payload.describe != nil {
			text = p.payload.describe(s) + ", " + text
		}
		return text
	case measure.Lost:
		return fmt.Sprintf("%s after %v", word, p.flags.timeout)
	case measure.Wrong:
		text := fmt.Sprintf("%s %s, %s", word, shorten(s.Response), plural(len(s.Response), "byte"))
		if p.flags.probe != "" {
			text += ": " + safetext.Escape(rootCause(s.Err).Error())
		}
		return text
	case measure.Refused:
		return word + ": port unreachable"
	default:
		return word + ": " + safetext.Escape(rootCause(s.Err).Error())
	}
}

// inMillis formats a duration in milliseconds.
func inMillis(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}

// printSummary prints the summary.
func (p *pinger) printSummary() error {
	if p.check != nil {
		return p.print(p.check.line(p.target, &p.sum))
	}
	if p.flags.json {
		_, err := p.out.Write(marshal(struct {
			Summary    *measure.Summary         `json:"summary"`
			Directions *measure.DirectionReport `json:"by_direction,omitempty"`
		}{&p.sum, p.directions}))
		return err
	}
	lines := []string{"", p.totals()}
	if p.live != nil { // head has printed nothing
		lines = append([]string{p.title()}, lines...)
	}
	if p.sum.Answered > 0 {
		lines = append(lines, roundTrips(&p.sum))
	}
	if d := p.sum.ReceiveDelay(); d.Count > 0 {
		lines = append(lines, fmt.Sprintf("receive delay median %s, p99 %s, max %s (part of the round trip)",
			inMillis(d.Median), inMillis(d.P99), inMillis(d.Max)))
	}
	if p.directions != nil {
		lines = append(lines, "by direction: "+p.directions.String())
	}
	for _, line := range lines {
		if err := p.print(line); err != nil {
			return err
		}
	}
	return nil
}

// totals returns the line with the counts. It omits rare counts that are zero.
func (p *pinger) totals() string {
	s := &p.sum
	text := fmt.Sprintf("%d sent, %d answered, %d lost (%.1f %%)", s.Sent(), s.Answered, s.Lost,
		100*float64(s.Lost)/float64(max(s.Sent(), 1)))
	for _, c := range []struct {
		n    int
		name string
	}{
		{s.Late, "late"}, {s.Duplicates, "duplicates"}, {s.Reordered, "reordered"}, {s.Wrong, "wrong"},
		{s.Refused, "refused"}, {s.Unreachable, "unreachable"}, {s.Own.Missed, "sent too late by this machine"},
		{s.Own.Refused, "not sent by this machine"}, {s.Own.Overflow, "dropped by this machine"},
		{max(s.Unexpected-s.Wrong, 0), "unexpected"},
	} {
		if c.n > 0 {
			text += fmt.Sprintf(", %d %s", c.n, c.name)
		}
	}
	return text
}
