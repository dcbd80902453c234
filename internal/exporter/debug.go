package exporter

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/internal/sequence"
)

// WriteDebug writes what happened in a probe as text: its log, a sequence diagram, the metrics and the
// definition of the module. It returns the error of w.
func (r *Result) WriteDebug(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Log:\n")
	for _, n := range r.notes {
		fmt.Fprintf(&b, "%s  %s\n", r.Begun.Add(n.at).UTC().Format("2006-01-02T15:04:05.000000Z"), safetext.Escape(n.text))
	}
	if len(r.events) > 0 {
		fmt.Fprintf(&b, "\nExchange:\n")
		text := &sequence.Text{W: &b, Columns: 100, Numbered: r.Module.UDP.Count*r.Module.UDP.turns > 1}
		for _, e := range r.events {
			text.Add(e.exchange, e.event)
		}
		text.Flush()
	}
	fmt.Fprintf(&b, "\nMetrics:\n")
	registry := prometheus.NewRegistry()
	registry.MustRegister(r)
	families, err := registry.Gather()
	if err != nil {
		fmt.Fprintf(&b, "# %v\n", err)
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			return err
		}
	}
	fmt.Fprintf(&b, "\nModule %s (timeout %v):\n%s", r.Module.Name, r.Module.Timeout.Round(time.Millisecond), r.Module.source)
	_, err = w.Write(b.Bytes())
	return err
}
