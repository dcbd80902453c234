package cli

import "github.com/ohce/ohce/measure"

// A portJSON is the result of a source port as ohce ping --source-ports --json prints it.
type portJSON struct {
	Port        uint16              `json:"port"`
	Server      string              `json:"server"`
	Result      measure.PortOutcome `json:"result"`
	Sent        int                 `json:"sent"`
	Answered    int                 `json:"answered"`
	Lost        int                 `json:"lost"`
	Wrong       int                 `json:"wrong"`
	Refused     int                 `json:"refused"`
	Unreachable int                 `json:"unreachable"`
	Unsent      int                 `json:"unsent"`
	Backends    []string            `json:"backends,omitempty"`
	MinRTT      float64             `json:"min_rtt_ms,omitempty"`
}

// A portsJSON is the summary of all source ports.
type portsJSON struct {
	Ports      int                         `json:"ports"`
	Answered   int                         `json:"answered"`
	Failed     int                         `json:"failed"`
	InUse      int                         `json:"in_use"`
	Results    map[measure.PortOutcome]int `json:"results"`
	Backends   map[string]int              `json:"backends,omitempty"`
	Late       int                         `json:"late"`
	Duplicates int                         `json:"duplicates"`
	Unexpected int                         `json:"unexpected"`
}

// writeJSON writes an object for each port and one for the summary.
func (p *portsPinger) writeJSON(r *portsReport) error {
	sum := portsJSON{
		Ports: len(r.ports), Answered: len(r.ports) - r.failed - r.inUse,
		Failed: r.failed, InUse: r.inUse,
		Results: make(map[measure.PortOutcome]int), Backends: make(map[string]int),
		Late: r.counts.Late, Duplicates: r.counts.Duplicates, Unexpected: r.counts.Unexpected,
	}
	for _, port := range r.ports {
		sum.Results[port.Outcome]++
		for _, b := range port.Backends {
			sum.Backends[b]++
		}
		line := marshal(portJSON{
			port.Port, p.target, port.Outcome, port.Sent, port.Answered, port.Lost, port.Wrong,
			port.Refused, port.Unreachable, port.Unsent, port.Backends, millis(port.MinRTT),
		})
		if _, err := p.out.Write(line); err != nil {
			return err
		}
	}
	_, err := p.out.Write(marshal(struct {
		Summary portsJSON `json:"summary"`
	}{sum}))
	return err
}
