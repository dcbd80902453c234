package exporter

import (
	"net/netip"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// udp reads the section udp of a module.
func (r *yamlReader) udp(n *yaml.Node, u *UDP) error {
	var probe, steps *yaml.Node
	err := r.mapping(n, "udp", fields{
		"preferred_ip_protocol": func(n *yaml.Node) error { return r.family(n, u) },
		"ip_protocol_fallback": func(n *yaml.Node) (err error) {
			u.Fallback, err = r.boolean(n, "ip_protocol_fallback")
			return err
		},
		"source_ip_address": func(n *yaml.Node) error { return r.sourceAddr(n, u) },
		"query_response":    func(n *yaml.Node) error { steps = n; return r.queryResponse(n, u) },
		"probe":             func(n *yaml.Node) error { probe = n; return r.probe(n, u) },
		"count":             r.integerInto(&u.Count, "count", 1, maxCount),
		"interval":          r.durationInto(&u.Interval, "interval", minProbeInterval, maxTimeout),
		"wait":              r.durationInto(&u.Wait, "wait", time.Millisecond, maxTimeout),
		"linger":            r.durationInto(&u.Linger, "linger", 0, maxLinger),
		"buffer_size":       r.integerInto(&u.BufferSize, "buffer_size", 1, maxBufferSize),
		"tls":               func(n *yaml.Node) error { return r.withoutTLS(n, "tls") },
		"tls_config":        func(n *yaml.Node) error { return r.withoutTLS(n, "tls_config") },
	})
	if err == nil && probe != nil && steps != nil {
		return mistake(probe, "remove one of them", "udp has both probe and query_response")
	}
	return err
}

// family reads preferred_ip_protocol.
func (r *yamlReader) family(n *yaml.Node, u *UDP) error {
	name, err := r.text(n, "preferred_ip_protocol")
	if err == nil && name != "ip4" && name != "ip6" {
		err = mistake(n, "", "preferred_ip_protocol is %q, want ip4 or ip6", name)
	}
	u.PreferIPv4 = name == "ip4"
	return err
}

// sourceAddr reads source_ip_address. An empty text is the choice of the system.
func (r *yamlReader) sourceAddr(n *yaml.Node, u *UDP) error {
	text, err := r.text(n, "source_ip_address")
	if err != nil || text == "" {
		return err
	}
	if u.Source, err = netip.ParseAddr(text); err != nil {
		return mistake(n, "", "source_ip_address is %q, want an IP address", text)
	}
	u.Source = u.Source.Unmap()
	return nil
}

// withoutTLS accepts the key of a TCP module if its value is false or empty.
func (r *yamlReader) withoutTLS(n *yaml.Node, what string) error {
	n, err := r.visit(n)
	if err != nil || isNull(n) || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		return err
	}
	if on, err := r.boolean(n, what); err == nil && !on {
		return nil
	}
	return mistake(n, "use probe: dtls or probe: quic", "%s needs TCP", what)
}

// probe reads the name of a ready-made probe.
func (r *yamlReader) probe(n *yaml.Node, u *UDP) error {
	name, err := r.text(n, "probe")
	if err != nil {
		return err
	}
	if !u.setProbe(name) {
		return mistake(n, "the probes are "+strings.Join(probeNames(), ", "), "unknown probe %q", name)
	}
	return nil
}
