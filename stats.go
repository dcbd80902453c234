package ohce

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// The formats of the statistics types are derived from their struct tags, so that each field appears
// in all of them:
//
//   - the json tag is the name of the field in JSON and in log records, in snake case;
//   - String lists the fields in order, with spaces for the underscores in their names;
//   - a text tag "NAME,omitzero" changes the output of String: NAME, if not empty, replaces the
//     name, and omitzero omits the field if it is zero.
//
// Each type has methods String and LogValue, which call statsText and statsGroup.

// statsGroup returns the fields of a struct as a group for a log record.
func statsGroup(stats any) slog.Value {
	var attrs []slog.Attr
	for field, v := range reflect.ValueOf(stats).Fields() {
		attrs = append(attrs, slog.Any(jsonName(field), v.Interface()))
	}
	return slog.GroupValue(attrs...)
}

// statsText returns the fields of a struct as one line.
func statsText(stats any) string {
	var parts []string
	for field, v := range reflect.ValueOf(stats).Fields() {
		name, option, _ := strings.Cut(field.Tag.Get("text"), ",")
		if option == "omitzero" && v.IsZero() {
			continue
		}
		if name == "" {
			name = strings.ReplaceAll(jsonName(field), "_", " ")
		}
		parts = append(parts, name+" "+counterText(v.Interface()))
	}
	return strings.Join(parts, ", ")
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// counterText formats a counter, or the sum of several counters followed by each of them in
// parentheses.
func counterText(v any) string {
	switch v := v.(type) {
	case Drops:
		if v.Total() == 0 {
			return "0"
		}
		return fmt.Sprintf("%d (%v)", v.Total(), v)
	case map[string]uint64:
		var sum uint64
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			sum += v[name]
			parts = append(parts, fmt.Sprintf("%s %d", name, v[name]))
		}
		return fmt.Sprintf("%d (%s)", sum, strings.Join(parts, ", "))
	default:
		return fmt.Sprint(v)
	}
}
