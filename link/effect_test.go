package link

import (
	"errors"
	"testing"
)

func TestCheckEffect(t *testing.T) {
	for _, tt := range []struct {
		list  string // what the impairment is
		given string // a field of it
		field string // of the error, or ""
	}{
		{"queue=5", "queue", "queue"},
		{"queue=5 rate=1Mbit/s", "queue", ""},
		{"queue=5 loss=1%", "loss", ""}, // the queue was set before
		{"burst=3", "burst", "burst"},
		{"burst=3 loss=1%", "burst", ""},
		{"loss_bad=50%", "loss_bad", "loss_bad"},
		{"loss_bad=50% to_bad=1%", "loss_bad", ""},
		{"to_bad=1%", "to_bad", "to_bad"},
		{"to_good=1%", "to_good", "to_good"},
		{"to_bad=1% to_good=1% loss_bad=50%", "to_good", ""},
		{"loss_good=5%", "loss_good", ""},
		{"shape=normal", "shape", "shape"},
		{"shape=normal delay=5ms", "shape", "shape"},
		{"shape=normal delay=5ms±1ms", "shape", ""},
		{"shape=uniform delay=5ms", "shape", ""},
		{"mtu=28", "mtu", ""},
	} {
		var i Impairment
		if err := i.UnmarshalText([]byte(tt.list)); err != nil {
			t.Fatalf("%q: %v", tt.list, err)
		}
		err := i.CheckEffect(map[string]string{tt.given: "5"})
		var field *FieldError
		switch {
		case tt.field == "" && err != nil:
			t.Errorf("%q: %v", tt.list, err)
		case tt.field != "" && (!errors.As(err, &field) || field.Field != tt.field):
			t.Errorf("%q: %v, want an error about %s", tt.list, err, tt.field)
		}
	}
	var e Impairment
	if err := e.UnmarshalText([]byte("queue=5 burst=3 shape=normal loss=0 mtu=100")); err != nil {
		t.Fatal(err)
	}
	if got := e.Effective(); got != (Impairment{MTU: 100}) {
		t.Errorf("the effective impairment is %+v", got)
	}
	for _, p := range Presets() {
		if p.Up.Effective() != p.Up || p.Down.Effective() != p.Down {
			t.Errorf("%s has a value without effect", p.Name)
		}
	}
}
