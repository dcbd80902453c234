package exporter

import (
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Module describes a probe. It must not be changed once it is in use.
type Module struct {
	// Name is the name by which a request selects the module.
	Name string
	// Timeout is how long the probe takes at most. The time limit of a scrape can shorten it.
	Timeout time.Duration
	// UDP describes the requests.
	UDP UDP

	source string // the definition, for debug output
}

// UDP describes the requests of a probe.
type UDP struct {
	PreferIPv4 bool // among the addresses of a name
	Fallback   bool // use the other family if the name has no address of the preferred one
	Source     netip.Addr
	Count      int           // requests of a probe, at least 1
	Interval   time.Duration // between their due times
	Wait       time.Duration // for a response; if zero, until the end of the probe
	Linger     time.Duration // after the last response, for duplicates
	BufferSize int           // length in bytes of the longest response

	port   int                 // of a target without a port; 0 if there is none
	dialog func() conversation // a new one for each request
	turns  int                 // requests in a conversation
	regex  bool                // a response must match a regular expression
	bytes  bool                // a response must begin with given bytes
}

const (
	defaultTimeout    = 5 * time.Second
	maxTimeout        = 2 * time.Minute
	maxCount          = 1000
	minProbeInterval  = time.Millisecond
	defaultPace       = 100 * time.Millisecond // the interval of the requests of a probe
	defaultLinger     = 10 * time.Millisecond
	maxLinger         = time.Second
	defaultBufferSize = 4096
	maxBufferSize     = 65535
)

// newModule returns a module with the default of each field.
func newModule(name string) *Module {
	return &Module{Name: name, Timeout: defaultTimeout, UDP: UDP{
		Fallback: true, Count: 1, Interval: defaultPace, Linger: defaultLinger, BufferSize: defaultBufferSize,
	}}
}

// proberHint returns what to write instead of another prober. The keys of a TCP module work with UDP.
func proberHint(name string) string {
	if name == "tcp" {
		return "for a UDP service, write prober: udp, and udp: instead of tcp:; query_response works as it is"
	}
	return "the blackbox exporter has the other probers"
}

// module reads a module.
func (r *yamlReader) module(key, n *yaml.Node) (*Module, error) {
	if key.Value == "" {
		return nil, mistake(key, "write NAME: before the keys of the module", "a module has no name")
	}
	m := newModule(key.Value)
	var prober, section *yaml.Node
	err := r.mapping(n, "module "+key.Value, fields{
		"prober": func(n *yaml.Node) error {
			prober = n
			name, err := r.text(n, "prober")
			if err == nil && name != "udp" {
				err = mistake(n, proberHint(name), "prober is %q, but only udp is supported", name)
			}
			return err
		},
		"timeout": r.durationInto(&m.Timeout, "timeout", time.Millisecond, maxTimeout),
		"udp":     func(n *yaml.Node) error { section = n; return nil },
	})
	switch {
	case err != nil:
		return nil, err
	case prober == nil:
		return nil, mistake(key, "add prober: udp", "module %q has no prober", m.Name)
	}
	if section != nil {
		if err := r.udp(section, &m.UDP); err != nil {
			return nil, err
		}
	}
	if text, err := yaml.Marshal(n); err == nil {
		m.source = string(text)
	}
	return m, m.check(key)
}

// check checks the fields that depend on each other.
func (m *Module) check(key *yaml.Node) error {
	last := time.Duration(m.UDP.Count-1) * m.UDP.Interval // when the last request is due
	switch {
	case m.UDP.dialog == nil:
		return mistake(key, "add udp: with probe: NAME or query_response:",
			"module %q sends nothing: UDP has no connection that would show a server", m.Name)
	case last >= m.Timeout:
		return mistake(key, "set a smaller count or interval, or a longer timeout",
			"module %q: the last request is due after %v, but the timeout is %v", m.Name, last, m.Timeout)
	case m.UDP.Wait > m.Timeout:
		return mistake(key, "set a shorter wait, or a longer timeout", "module %q: wait is %v, but the timeout is %v",
			m.Name, m.UDP.Wait, m.Timeout)
	}
	return nil
}
