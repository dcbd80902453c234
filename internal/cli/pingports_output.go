package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

// A portsReport holds the results of ohce ping --source-ports.
type portsReport struct {
	ports  []measure.PortResult
	groups []portsGroup
	counts measure.Counts

	answered, failed, inUse int // ports
}

// A portsGroup holds the ports with one outcome and the same backends.
type portsGroup struct {
	outcome    measure.PortOutcome
	backends   string // separated by commas
	ports      []uint16
	sent, lost int
	minRTT     time.Duration
}

// newPortsReport groups the results. It discards backends if most responses differ.
func newPortsReport(ports []measure.PortResult, counts measure.Counts) *portsReport {
	r := &portsReport{ports: ports, counts: counts}
	names := make(map[string]bool)
	for _, p := range ports {
		for _, b := range p.Backends {
			names[b] = true
		}
	}
	const maxBackends = 20
	if len(names) > max(maxBackends, len(ports)/2) {
		for i := range ports {
			ports[i].Backends = nil
		}
	}
	for i := range ports {
		r.add(&ports[i])
	}
	slices.SortStableFunc(r.groups, func(a, b portsGroup) int {
		return cmp.Or(cmp.Compare(portOutcomeOrder(a.outcome), portOutcomeOrder(b.outcome)),
			cmp.Compare(a.backends, b.backends))
	})
	return r
}

// add adds a port to its group.
func (r *portsReport) add(p *measure.PortResult) {
	switch {
	case p.Outcome.Failed():
		r.failed++
	case p.Outcome == measure.PortInUse:
		r.inUse++
	}
	if p.Answered > 0 {
		r.answered++
	}
	backends := strings.Join(p.Backends, ", ")
	same := func(g portsGroup) bool { return g.outcome == p.Outcome && g.backends == backends }
	i := slices.IndexFunc(r.groups, same)
	if i < 0 {
		i = len(r.groups)
		r.groups = append(r.groups, portsGroup{outcome: p.Outcome, backends: backends})
	}
	g := &r.groups[i]
	g.ports = append(g.ports, p.Port)
	g.sent += p.Sent
	g.lost += p.Sent - p.Answered
	if p.MinRTT > 0 && (g.minRTT == 0 || p.MinRTT < g.minRTT) {
		g.minRTT = p.MinRTT
	}
}

// portOutcomes lists the outcomes in the order of the table, with their texts.
var portOutcomes = []struct {
	outcome measure.PortOutcome
	text    string
}{
	{measure.PortAnswered, "answered"},
	{measure.PortLossy, "LOSSY"},
	{measure.PortSilent, "NO RESPONSE"},
	{measure.PortWrong, "WRONG ANSWER"},
	{measure.PortRefused, "REFUSED"},
	{measure.PortUnreachable, "UNREACHABLE"},
	{measure.PortUnsent, "NOT SENT"},
	{measure.PortInUse, "in use here"},
}

func portOutcomeOrder(o measure.PortOutcome) int {
	for i, known := range portOutcomes {
		if known.outcome == o {
			return i
		}
	}
	return len(portOutcomes)
}

// writeText writes the report as a table and a summary.
func (p *portsPinger) writeText(r *portsReport) error {
	line := "ping " + p.target
	if p.addr != p.target {
		line += fmt.Sprintf(" (%s)", p.addr)
	}
	rows := [][]string{{"OUTCOME", "BACKEND", "PORTS", "WITHOUT RESPONSE", "MIN RTT", "SOURCE PORTS"}}
	for _, g := range r.groups {
		share, rtt := "", ""
		if g.sent > 0 {
			share = fmt.Sprintf("%.1f %%", 100*float64(g.lost)/float64(g.sent))
		}
		if g.minRTT > 0 {
			rtt = inMillis(g.minRTT)
		}
		rows = append(rows, []string{portOutcomes[portOutcomeOrder(g.outcome)].text,
			safetext.Escape(g.backends), fmt.Sprint(len(g.ports)), share, rtt, portRanges(g.ports)})
	}
	last := int(p.prober.First) + p.flags.sourcePorts - 1
	text := fmt.Sprintf("%s from source ports %d to %d, %s each\n\n%s\n%s\n", line, p.prober.First, last,
		plural(p.flags.count, "request"), textTable(rows, 96), r.totals())
	_, err := io.WriteString(p.out, text)
	return err
}

// totals returns the line with the numbers of ports, and rare counts that are not 0.
func (r *portsReport) totals() string {
	text := fmt.Sprintf("%s: %d answered, %d failed", plural(len(r.ports), "source port"),
		len(r.ports)-r.failed-r.inUse, r.failed)
	for _, c := range []struct {
		n    int
		name string
	}{
		{r.inUse, "in use on this machine"}, {r.counts.Late, "late responses"},
		{r.counts.Duplicates, "duplicates"}, {r.counts.Unexpected, "unexpected datagrams"},
	} {
		if c.n > 0 {
			text += fmt.Sprintf(", %d %s", c.n, c.name)
		}
	}
	return text
}

// portRanges formats sorted ports, as in "49152-49155, 49160".
func portRanges(ports []uint16) string {
	var all []string
	for i := 0; i < len(ports); {
		first := i
		for i++; i < len(ports) && ports[i] == ports[i-1]+1; i++ {
		}
		if i-first == 1 {
			all = append(all, fmt.Sprint(ports[first]))
		} else {
			all = append(all, fmt.Sprintf("%d-%d", ports[first], ports[i-1]))
		}
	}
	return strings.Join(all, ", ")
}
