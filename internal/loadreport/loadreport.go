// Package loadreport writes the report of a load: as a page with plots (HTML), as a table of the
// intervals (CSV), as percentiles for the tools of HdrHistogram (.hgrm), and as text. It also reads
// and writes the JSON document of a report. It does no I/O except for writing to a given io.Writer.
package loadreport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ohce/ohce/measure"
)

// A Header describes the run of a report.
type Header struct {
	// Target is the address of the server as the user gave it.
	Target string `json:"target"`
	// Settings are the settings of the run in the order in which they are shown.
	Settings Settings `json:"settings"`
	// Start is the time of the start. If zero, it is not shown.
	Start time.Time `json:"start,omitzero"`
	// Version is the version of ohce. If empty, it is not shown.
	Version string `json:"version,omitempty"`
}

// A Document is a report with its header. As JSON, the fields of both are those of one object.
type Document struct {
	Header
	*measure.Report
}

// Read returns the document in data, which holds one JSON object. Unknown fields at its top level
// with texts as values become settings. The error says what is wrong.
func Read(data []byte) (*Document, error) {
	var fields map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&fields); err != nil {
		return nil, syntaxError(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("unexpected data after the JSON object, at byte %d", d.InputOffset())
	}
	for _, name := range []string{"asked", "sent", "answered", "trustworthy", "duration_ms", "intervals"} {
		if _, ok := fields[name]; !ok {
			return nil, fmt.Errorf("the field %q is missing", name)
		}
	}
	doc := &Document{Report: &measure.Report{}}
	if err := json.Unmarshal(data, doc); err != nil {
		return nil, syntaxError(err)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var text string
		if !slices.Contains(headerFields, name) && json.Unmarshal(fields[name], &text) == nil &&
			text != "" {
			doc.Settings = append(doc.Settings, Setting{name, text})
		}
	}
	return doc, nil
}

// headerFields are the texts of a document that are not settings.
var headerFields = []string{"target", "start", "version"}

// syntaxError describes an error of package json.
func syntaxError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON object is incomplete")
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON: %w, at byte %d", err, syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("it holds a JSON %s and not an object", kind.Value)
	case errors.As(err, &kind):
		field := strings.TrimPrefix(strings.TrimPrefix(kind.Field, "Report."), "Header.")
		return fmt.Errorf("the field %q has the wrong type", field)
	}
	return err
}
