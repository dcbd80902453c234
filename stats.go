package ohce

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A struct of statistics follows one scheme, so that a new field appears everywhere by itself:
//
//   - its json tag names the field in JSON and in log records, in snake case;
//   - String lists the fields in order, named as in JSON but with spaces;
//   - a text tag "NAME,omitzero" changes that: NAME, if any, replaces the name, and omitzero leaves
//     the field out while it is zero.
//
// The type has methods String and LogValue on the value, made of statsText and statsGroup.

// statsGroup returns the fields of a struct as one group of a log record.
func statsGroup(stats any) slog.Value {
	var attrs []slog.Attr
	for field, v := range reflect.ValueOf(stats).Fields() {
		attrs = append(attrs, slog.Any(jsonName(field), v.Interface()))
	}
	return slog.GroupValue(attrs...)
}

// statsText lists the fields of a struct in one line.
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

// counterText is a counter, or the sum of several with their names in parentheses.
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
