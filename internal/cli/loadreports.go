package cli

import (
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

// A reportFile is a file of --report.
type reportFile struct {
	*outputFile
	write func(w io.Writer, d *loadreport.Document) error
}

// reportFormats are the formats of a report by the suffix of its file.
var reportFormats = map[string]func(w io.Writer, d *loadreport.Document) error{
	".html": func(w io.Writer, d *loadreport.Document) error { return loadreport.WriteHTML(w, d.Header, d.Report) },
	".csv":  func(w io.Writer, d *loadreport.Document) error { return loadreport.WriteCSV(w, d.Report) },
	".hgrm": func(w io.Writer, d *loadreport.Document) error {
		return loadreport.WriteHGRM(w, d.Latency, d.Percentiles)
	},
	".json": func(w io.Writer, d *loadreport.Document) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(d)
	},
}

// openReports checks that the files of --report can be written, before the load.
func openReports(names []string) (files []reportFile, err error) {
	for _, name := range names {
		write, ok := reportFormats[strings.ToLower(filepath.Ext(name))]
		if !ok {
			return nil, usage("use the suffix .html, .json, .csv or .hgrm", "--report %s: unknown format", name)
		}
		if slices.ContainsFunc(files, func(f reportFile) bool { return f.name == name }) {
			return nil, usage("give each file once", "--report %s is given twice", name)
		}
		file, err := newOutputFile("report", name, "load.html")
		if err != nil {
			return nil, err
		}
		files = append(files, reportFile{file, write})
	}
	return files, nil
}

// document returns the report of a run with a header.
func (l *loader) document(r *measure.Report) *loadreport.Document {
	return &loadreport.Document{
		Header: loadreport.Header{
			Target: l.target, Settings: l.settings(), Start: l.start, Version: moduleVersion(),
		},
		Report: r,
	}
}

// settings returns the settings of the run.
func (l *loader) settings() loadreport.Settings {
	settings := loadreport.Settings{{Name: "load", Value: l.due.text}, {Name: "requests", Value: l.text}}
	for _, name := range []string{
		"clients", "timeout", "segments", "receive-buffer", "source", "interface", "dscp", "ttl", "dont-fragment",
	} {
		if l.flags.given(name) {
			settings = append(settings, loadreport.Setting{Name: name, Value: l.flags.value(name)})
		}
	}
	return settings
}
