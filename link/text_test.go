package link

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestText reads each field from text and writes it back.
func TestText(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		list string
		want Impairment
		text string // "" is list
	}{
		{"", Impairment{}, "none"},
		{"black_hole", Impairment{BlackHole: true}, "black_hole=true"},
		{"in-order", Impairment{Delay: Delay{InOrder: true}}, "in_order=true"},
		{"black_hole=false", Impairment{}, "none"},
		{"mtu=1500", Impairment{MTU: 1500}, ""},
		{"loss=10%", Impairment{Loss: RandomLoss(0.1)}, ""},
		{"loss=0.125", Impairment{Loss: RandomLoss(0.125)}, "loss=12.5%"},
		{"loss=100%", Impairment{Loss: RandomLoss(1)}, ""},
		{"loss=10%,burst=4", Impairment{Loss: BurstLoss(0.1, 4)}, "loss=10% burst=4"},
		{"burst=4 loss=10%", Impairment{Loss: BurstLoss(0.1, 4)}, "loss=10% burst=4"},
		{"rate=10Mbit/s", Impairment{Rate: 10_000_000}, ""},
		{"rate=64kbit", Impairment{Rate: 64_000}, "rate=64kbit/s"},
		{"rate=2.5gbit/s", Impairment{Rate: 2_500_000_000}, "rate=2.5Gbit/s"},
		{"rate=300", Impairment{Rate: 300}, "rate=300bit/s"},
		{"queue=100", Impairment{Queue: 100}, ""},
		{"truncate=1%", Impairment{Truncate: 0.01}, ""},
		{"corrupt=1%", Impairment{Corrupt: 0.01}, ""},
		{"delay=50ms", Impairment{Delay: Delay{Base: 50 * ms}}, ""},
		{"delay=50ms±20ms", Impairment{Delay: Delay{Base: 50 * ms, Jitter: 20 * ms}}, ""},
		{"delay=50ms+-20ms shape=normal in_order", Impairment{
			Delay: Delay{50 * ms, 20 * ms, Normal, true}}, "delay=50ms±20ms shape=normal in_order=true"},
		{"shape=pareto", Impairment{Delay: Delay{Shape: Pareto}}, ""},
		{"duplicate=5%", Impairment{Duplicate: 0.05}, ""},
		{"rebind_every=1000", Impairment{RebindEvery: 1000}, ""},
	} {
		var got Impairment
		if err := got.UnmarshalText([]byte(tt.list)); err != nil {
			t.Errorf("%q: %v", tt.list, err)
			continue
		}
		if got != tt.want {
			t.Errorf("%q is %+v, want %+v", tt.list, got, tt.want)
		}
		want := tt.text
		if want == "" {
			want = tt.list
		}
		if got.String() != want {
			t.Errorf("%q is written %q, want %q", tt.list, got.String(), want)
		}
	}
}

func TestFieldErrorsChangeNothing(t *testing.T) {
	for _, tt := range []struct{ list, field string }{
		{"loss=130%", "loss"}, {"loss=-1%", "loss"}, {"loss=NaN", "loss"}, {"loss=much", "loss"},
		{"loss=90% burst=2", "burst"}, {"burst=2 loss=90%", "burst"}, {"burst=0.5", "burst"},
		{"burst=Inf", "burst"}, {"delay=50", "delay"}, {"delay=-1ms", "delay"}, {"delay=2h", "delay"},
		{"delay=1ms±x", "delay"}, {"shape=round", "shape"}, {"rate=fast", "rate"}, {"rate=-1", "rate"},
		{"rate=Inf", "rate"}, {"rate=0.1", "rate"}, {"mtu=-1", "mtu"}, {"mtu=5", "mtu"}, {"mtu=27", "mtu"}, {"mtu=1e3", "mtu"},
		{"queue=99999999999", "queue"}, {"rebind_every=x", "rebind_every"}, {"in_order=maybe", "in_order"},
		{"corrupt=2", "corrupt"}, {"jitter=1ms", "jitter"},
	} {
		before := Impairment{MTU: 7, Delay: Delay{Base: 1}}
		got := before
		err := got.UnmarshalText([]byte("queue=3 " + tt.list))
		var field *FieldError
		if !errors.As(err, &field) || field.Field != tt.field {
			t.Errorf("%q: %v, want an error about %s", tt.list, err, tt.field)
		}
		if got != before {
			t.Errorf("%q: is %+v after the error", tt.list, got)
		}
	}
}

// TestResetFields resets every field, one by one.
func TestResetFields(t *testing.T) {
	i := Impairment{
		BlackHole: true, MTU: 1, Loss: BurstLoss(0.1, 2), Rate: 1, Queue: 1, Truncate: 0.1, Corrupt: 0.1,
		Delay: Delay{1, 1, Normal, true}, Duplicate: 0.1, RebindEvery: 1,
	}
	v := reflect.ValueOf(i)
	for k := range v.NumField() {
		if v.Field(k).IsZero() {
			t.Errorf("%s is not in this test", v.Type().Field(k).Name)
		}
	}
	for _, name := range fieldNames() {
		if err := i.UnmarshalText([]byte(name + "=")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if text := i.String(); strings.Contains(text, name) {
			t.Errorf("after the reset of %s: %s", name, text)
		}
	}
	if i != (Impairment{}) {
		t.Errorf("%+v is left", i)
	}
}

// TestLossAndBurstTogether sets a loss that fits the new length of bursts but not the old one.
func TestLossAndBurstTogether(t *testing.T) {
	i := Impairment{Loss: BurstLoss(0.1, 2)}
	if err := i.UnmarshalText([]byte("loss=90%")); err == nil {
		t.Error("a loss of 90% is accepted with bursts of 2")
	}
	if err := i.UnmarshalText([]byte("loss=90% burst=20")); err != nil || i.Loss != BurstLoss(0.9, 20) {
		t.Errorf("%+v, %v", i.Loss, err)
	}
}

func TestImpairmentJSON(t *testing.T) {
	for _, p := range Presets() {
		text, err := json.Marshal(p.Up)
		if err != nil {
			t.Fatal(err)
		}
		var back Impairment
		if err := json.Unmarshal(text, &back); err != nil || back != p.Up {
			t.Errorf("%s: %s became %+v, %v", p.Name, text, back, err)
		}
	}
	i := Impairment{MTU: 1500, Loss: RandomLoss(0.5), Delay: Delay{Base: time.Second}}
	patch := `{"loss": 0.25, "mtu": null, "black_hole": true, "in_order": false, "rate": 1000000}`
	if err := json.Unmarshal([]byte(patch), &i); err != nil {
		t.Fatal(err)
	}
	const want = `{"black_hole":true,"loss":"25%","rate":"1Mbit/s","delay":"1s"}`
	if text, err := json.Marshal(i); err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}

func TestBadImpairmentJSON(t *testing.T) {
	for _, tt := range []struct{ text, says string }{
		{`{"loss": "130%"}`, "loss is 130%"},
		{`{"loss": 1.3}`, "loss is 1.3"},
		{`{"loss": {"good": 1}}`, `loss is {"good": 1}: must be from 0%`},
		{`{"mtu": true}`, "mtu is true"},
		{`{"jitter": 1, "loss": 2}`, "unknown field jitter: must be one of black_hole, mtu"},
		{`{"corrupt": 2, "loss": 2}`, "loss is 2"},
		{`[1]`, "must be a JSON object, not array"},
		{`"loss"`, "not string"},
		{`{"queue": 1.5}`, "queue is 1.5"},
	} {
		before := Impairment{MTU: 3}
		got := before
		err := got.UnmarshalJSON([]byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.says)
		}
		if got != before {
			t.Errorf("%s: is %+v after the error", tt.text, got)
		}
	}
}

func TestPhaseJSON(t *testing.T) {
	p := Phase{At: 90 * time.Second, Up: Impairment{BlackHole: true}, Down: Impairment{Loss: RandomLoss(0.5)}}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"at":"1m30s","up":{"black_hole":true},"down":{"loss":"50%"}}`
	if string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
	var back Phase
	if err := json.Unmarshal(text, &back); err != nil || back != p {
		t.Errorf("became %+v, %v", back, err)
	}
	for _, text := range []string{
		`{"at":"soon"}`, `{}`, `{"at":"-1s"}`, `{"at":"1s","up":{"loss":2}}`, `{"at":"1s","sideways":{}}`,
	} {
		if err := json.Unmarshal([]byte(text), &back); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	if err := json.Unmarshal([]byte(`{"at":"0s","up":null}`), &back); err != nil || back != (Phase{}) {
		t.Errorf("an empty phase is %+v, %v", back, err)
	}
}

func TestPresets(t *testing.T) {
	for _, p := range Presets() {
		l := Link{Up: p.Up, Down: p.Down}
		if err := l.Check(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		found, ok := FindPreset(p.Name)
		if !ok || found != p || p.Description == "" {
			t.Errorf("%s is found as %+v", p.Name, found)
		}
		var back Impairment
		if err := back.UnmarshalText([]byte(p.Down.String())); err != nil || back != p.Down {
			t.Errorf("%s: %v became %v, %v", p.Name, p.Down, back, err)
		}
	}
	if _, ok := FindPreset("perfect"); ok {
		t.Error("FindPreset finds an unknown preset")
	}
}
