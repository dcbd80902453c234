package ohce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestStatsFields checks that String, JSON and log records contain each field of each statistics
// type.
func TestStatsFields(t *testing.T) {
	snakeCase := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, zero := range []any{ServerStats{}, ClientStats{}, DeduplicatorStats{}} {
		typ := reflect.TypeOf(zero)
		names := make(map[string]bool)
		for i := range typ.NumField() {
			field := typ.Field(i)
			t.Run(typ.Name()+"."+field.Name, func(t *testing.T) {
				name := jsonName(field)
				if !snakeCase.MatchString(name) || names[name] {
					t.Errorf("the JSON name is %q", name)
				}
				names[name] = true
				stats := reflect.New(typ).Elem()
				fillCounter(t, stats.Field(i))
				if got := fmt.Sprint(stats); !strings.Contains(got, "4711") {
					t.Errorf("String does not show it: %s", got)
				}
				data, err := json.Marshal(stats.Interface())
				if want := fmt.Sprintf("%q:", name); err != nil || !strings.Contains(string(data), want) ||
					!strings.Contains(string(data), "4711") {
					t.Errorf("the JSON is %s (%v), want %s and 4711", data, err, want)
				}
				var log bytes.Buffer
				slog.New(slog.NewTextHandler(&log, nil)).Info("stats", "s", stats.Interface())
				if got := log.String(); !strings.Contains(got, " s."+name) ||
					!strings.Contains(got, "4711") {
					t.Errorf("the record is %s, want s.%s and 4711", got, name)
				}
			})
		}
	}
}

// fillCounter sets a field to 4711.
func fillCounter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Uint64:
		v.SetUint(4711)
	case reflect.Int:
		v.SetInt(4711)
	case reflect.Array:
		v.Index(1).SetUint(4711)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]uint64{"EPERM": 4711}))
	default:
		t.Fatalf("cannot fill a %v", v.Type())
	}
}

func TestServerStatsText(t *testing.T) {
	tests := []struct {
		name  string
		stats ServerStats
		want  string
	}{
		{"zero", ServerStats{}, "received 0, answered 0, dropped 0, dropped by the kernel 0"},
		{"all", ServerStats{
			Received: 9, Answered: 3, Dropped: Drops{DropOversize: 2, DropTooLarge: 1}, InFlight: 3,
			KernelDropped: 4, ReadErrors: 5, WriteErrors: map[string]uint64{"EPERM": 1, "EIO": 2},
		}, "received 9, answered 3, dropped 3 (oversize 2, too-large 1), in flight 3, " +
			"dropped by the kernel 4, read errors 5, write errors 3 (EIO 2, EPERM 1)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(tt.stats); got != tt.want {
				t.Errorf("printed %q, want %q", got, tt.want)
			}
			if got := fmt.Sprintf("%+v", &tt.stats); got != tt.want {
				t.Errorf("printed %q through a pointer, want %q", got, tt.want)
			}
		})
	}
}

// TestDropsText checks that a Drops prints its nonzero reasons and that its JSON has all of them.
func TestDropsText(t *testing.T) {
	d := Drops{DropLoop: 1, DropTooLarge: 2}
	if got, want := fmt.Sprint(d), "loop 1, too-large 2"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if got := fmt.Sprint(Drops{}); got != "none" {
		t.Errorf("no drops are printed as %q, want none", got)
	}
	data, err := json.Marshal(d)
	var got map[string]uint64
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if err != nil || len(got) != len(d)-1 || got["loop"] != 1 || got["too_large"] != 2 {
		t.Errorf("the JSON is %s (%v), want each reason in snake case", data, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("stats", "drops", d)
	if want := "drops.too_large=2"; !strings.Contains(log.String(), want) {
		t.Errorf("the record is %s, want %s", &log, want)
	}
}
