package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

// A loader runs the load of ohce load and reports the result.
type loader struct {
	app    *app
	flags  *loadFlags
	target string // as the user gave it
	addr   string
	dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: the default
	due    schedule
	load   *measure.Load
	text   string // describes the requests
	files  []reportFile
	start  time.Time
}

// resolve prepares the load. If the server's transform is not known, resolve finds it out.
func (l *loader) resolve(ctx context.Context, p *loadPayload) error {
	f := l.flags
	l.text = p.text
	l.load = &measure.Load{
		Addr: l.addr, Dial: l.dial, Match: p.match, Request: p.request, Check: p.check, Clients: f.clients,
		Closed: f.closed, Timeout: f.timeout, Segments: f.segments, ReceiveBuffer: f.buffer,
		MaxInFlight: f.maxInFlight(l.due.peak),
	}
	if f.closed > 0 {
		l.load.Duration = f.limit()
	}
	if !p.texts {
		return nil
	}
	if p.transform == nil {
		t, err := detectTransform(ctx, l.addr, l.dial, f.timeout)
		if ctx.Err() != nil {
			return &failure{what: "interrupted before the first response", code: exitFail}
		}
		if err != nil {
			return err
		}
		p.transform = &t
	}
	l.load.Match = ohce.MatchExact(p.transform.Append)
	l.load.Number = numberOf(p.sizes, *p.transform)
	return nil
}

// run runs the load and prints the report.
func (l *loader) run(ctx context.Context) error {
	if err := l.flags.metrics.begin(ctx); err != nil {
		return err
	}
	l.start = time.Now()
	view := l.startView(l.title())
	r, err := l.load.Run(ctx, l.due.due)
	if stopErr := view.stop(); stopErr != nil {
		return outputFailure(stopErr)
	}
	if err != nil {
		return &failure{what: rootCause(err).Error(), code: exitFail}
	}
	var unknown error // why the loss by direction is not known
	r.ByDirection, unknown = l.flags.metrics.end(ctx, r.Sent, r.Arrived)
	d := l.document(r)
	for _, file := range l.files {
		if err := file.outputFile.write(func(w io.Writer) error { return file.write(w, d) }); err != nil {
			return err
		}
	}
	if err := l.print(d); err != nil {
		return err
	}
	return cmp.Or(unknown, verdict(r, l.target))
}

// print prints the report.
func (l *loader) print(d *loadreport.Document) error {
	if l.flags.json {
		return l.write(string(marshal(d)))
	}
	var text strings.Builder
	if err := loadreport.WriteText(&text, d.Header, d.Report); err != nil {
		return err
	}
	return l.write(text.String())
}

func (l *loader) write(text string) error {
	if _, err := io.WriteString(l.app.out, text); err != nil {
		return outputFailure(err)
	}
	return nil
}

// title describes the load.
func (l *loader) title() string {
	return fmt.Sprintf("load %s: %s, %s", l.target, l.due.text, l.text)
}

// verdict returns the failure that a report shows, or nil.
func verdict(r *measure.Report, target string) error {
	switch {
	case r.Asked == 0:
		return &failure{what: "interrupted before the first request", code: exitFail}
	case silent(r):
		return noAnswer(r, target)
	case !r.Trustworthy:
		f := &failure{what: "the figures are not trustworthy: they describe this machine rather than the server",
			hint: "choose a lower --rate, --segments, or a faster machine", code: exitUntrusted}
		own := r.Own.Missed + r.Own.Refused + r.Own.Overflow
		if own > 0 && own < fewFailures && r.Asked < fewFailures/0.001 {
			f.hint = fmt.Sprintf("a single late request matters among %s: send for a longer time", plural(r.Asked, "request"))
		}
		return f
	default:
		return nil
	}
}

// fewFailures is a number of own failures below which chance decides whether they exceed 0.1 %.
const fewFailures = 5

// silent reports that requests were sent, and no right response arrived in time or was dropped here.
func silent(r *measure.Report) bool { return r.Sent > 0 && r.Answered == 0 && r.Own.Overflow == 0 }

// noAnswer returns the failure of a load without a right response in time.
func noAnswer(r *measure.Report, target string) error {
	f := &failure{what: "no right response from " + target, code: exitFail}
	if r.Late > 0 {
		f.what, f.hint = "no right response in time from "+target, "choose a longer --timeout"
	}
	return f
}
