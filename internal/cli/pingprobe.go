package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/probe"
	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

// probeNames returns the names of all probes.
func probeNames() (names []string) {
	for _, p := range probe.All() {
		names = append(names, p.Name)
	}
	return names
}

// pingProbes lists the probes for the help text.
func pingProbes() string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, p := range probe.All() {
		fmt.Fprintf(columns, "  %s\t%d\t%s\n", p.Name, p.Port, p.Effect)
	}
	columns.Flush()
	return strings.TrimSuffix(text.String(), "\n")
}

// probePayload returns the payload of a probe.
func probePayload(name string) (*pingPayload, error) {
	p, ok := probe.Find(name)
	if !ok {
		return nil, usage("choose one of "+strings.Join(probeNames(), ", "), "--probe %q: unknown protocol", name)
	}
	payload := &pingPayload{
		port:    p.Port,
		request: func(dst []byte, n int) []byte { return p.Request(dst, n, time.Now()) },
		check:   p.Check,
		describe: func(s measure.Sample) string {
			text, _ := p.Read(s.Request, s.Response, probe.Arrival{Time: s.Due.Add(s.Latency), RTT: s.RTT})
			return safetext.Escape(text)
		},
	}
	if p.RequestKey != nil {
		payload.match = &ohce.Matcher{RequestKey: p.RequestKey, ResponseKey: p.ResponseKey}
	}
	return payload, nil
}
