package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"time"
)

// A logFormat is the format of the log of ohce serve.
type logFormat string

const (
	plainLog logFormat = "plain" // sentences for people
	textLog  logFormat = "text"  // records as key=value (log/slog)
	jsonLog  logFormat = "json"  // records as JSON objects (log/slog)
)

// logFormats are the values of --log-format.
var logFormats = []string{string(plainLog), string(textLog), string(jsonLog)}

// check returns an error if the format is unknown.
func (f logFormat) check() error {
	switch f {
	case plainLog, textLog, jsonLog:
		return nil
	}
	return usage("choose "+strings.Join(logFormats, ", "), "--log-format %q: unknown value", string(f))
}

// handler returns a handler that writes records to w. A record in plain format is text.
func (f logFormat) handler(w io.Writer) slog.Handler {
	if f == jsonLog {
		return slog.NewJSONHandler(w, nil)
	}
	return slog.NewTextHandler(w, nil)
}

// records returns the lines of a message in the format. In text and json, each line is a record.
// Lines that begin with "ohce: " report errors.
func (f logFormat) records(message []byte) []byte {
	if f == plainLog {
		return message
	}
	var b bytes.Buffer
	for line := range strings.Lines(string(message)) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		level := slog.LevelInfo
		if text, isError := strings.CutPrefix(line, "ohce: "); isError {
			line, level = text, slog.LevelError
		}
		f.write(&b, time.Now(), level, line)
	}
	return b.Bytes()
}

// write writes one record of an event at the given time.
func (f logFormat) write(
	w io.Writer, at time.Time, level slog.Level, message string, attrs ...slog.Attr,
) {
	r := slog.NewRecord(at, level, message, 0)
	r.AddAttrs(attrs...)
	_ = f.handler(w).Handle(context.Background(), r) // the writer counts what it loses
}

// end returns the last message of a server: its counters, and further lines.
func (f logFormat) end(stats interface {
	slog.LogValuer
	String() string
}, lines string) []byte {
	if f == plainLog {
		return []byte(stats.String() + "\n" + lines)
	}
	var b bytes.Buffer
	f.write(&b, time.Now(), slog.LevelInfo, "end", slog.Any("stats", stats))
	b.Write(f.records([]byte(lines)))
	return b.Bytes()
}
