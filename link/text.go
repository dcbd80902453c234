package link

import (
	"maps"
	"slices"
	"strings"
)

// A textField is one value of an Impairment in its text form.
type textField struct {
	name  string
	get   func(Impairment) string                // "" if the field has no effect
	set   func(i *Impairment, text string) error // text is not empty; the error completes a FieldError
	reset func(*Impairment)
}

// textFields is in the order in which datagrams meet the impairments.
var textFields = [...]textField{
	boolField("black_hole", func(i *Impairment) *bool { return &i.BlackHole }),
	mtuField(),
	{"loss", getLoss, setLoss, resetLoss},
	{"burst", getBurst, setBurst, resetBurst},
	parameterField("loss_good", func(l *Loss) *float64 { return &l.Good }),
	parameterField("loss_bad", func(l *Loss) *float64 { return &l.Bad }),
	parameterField("to_bad", func(l *Loss) *float64 { return &l.ToBad }),
	parameterField("to_good", func(l *Loss) *float64 { return &l.ToGood }),
	{"rate", getRate, setRate, func(i *Impairment) { i.Rate = 0 }},
	countField("queue", maxQueue, func(i *Impairment) *int { return &i.Queue }),
	shareField("truncate", func(i *Impairment) *float64 { return &i.Truncate }),
	shareField("corrupt", func(i *Impairment) *float64 { return &i.Corrupt }),
	{"delay", getDelay, setDelay, func(i *Impairment) { i.Delay.Base, i.Delay.Jitter = 0, 0 }},
	{"shape", getShape, setShape, func(i *Impairment) { i.Delay.Shape = Uniform }},
	boolField("in_order", func(i *Impairment) *bool { return &i.Delay.InOrder }),
	shareField("duplicate", func(i *Impairment) *float64 { return &i.Duplicate }),
	countField("rebind_every", maxCount, func(i *Impairment) *int { return &i.RebindEvery }),
}

func fieldNames() []string {
	names := make([]string, len(textFields))
	for k := range textFields {
		names[k] = textFields[k].name
	}
	return names
}

// String returns the text of MarshalText, or "none" if the impairment does nothing.
func (i Impairment) String() string {
	if i == (Impairment{}) {
		return "none"
	}
	return i.list()
}

// MarshalText returns the fields that have an effect as a list, such as
// "loss=10% delay=50ms±20ms".
func (i Impairment) MarshalText() ([]byte, error) { return []byte(i.list()), nil }

func (i Impairment) list() string {
	var parts []string
	for k := range textFields {
		if text := textFields[k].get(i); text != "" {
			parts = append(parts, textFields[k].name+"="+text)
		}
	}
	return strings.Join(parts, " ")
}

// UnmarshalText sets the fields in a list of name=value, separated by spaces or commas, and leaves
// the other fields unchanged. A name without a value stands for name=true. An empty value resets a
// field to no effect. A dash in a name counts as an underscore. The names and their values are:
//
//	black_hole    true
//	mtu           bytes, including the 28 of IPv4 and UDP; at least 28
//	loss          share: 10% or 0.1
//	burst         mean length of bursts of loss in datagrams, at least 1; see BurstLoss
//	loss_good     share, as are loss_bad, to_bad and to_good: the parameters of another Loss
//	rate          bits per second: 10Mbit/s, 64kbit/s or 1000000
//	queue         datagrams, at most 1000000
//	truncate      share
//	corrupt       share
//	delay         50ms, or with jitter 50ms±20ms or 50ms+-20ms, each at most 1h
//	shape         uniform, normal or pareto
//	in_order      true
//	duplicate     share
//	rebind_every  datagrams
//
// MarshalText writes loss_good, loss_bad, to_bad and to_good only for a Loss that loss and burst do
// not describe. The error is a *FieldError; the impairment is then unchanged.
func (i *Impairment) UnmarshalText(text []byte) error { return i.setAll(ListFields(text)) }

// ListFields parses a list as UnmarshalText does and returns its values by name, for CheckEffect.
// It accepts any text.
func ListFields(list []byte) map[string]string {
	values := make(map[string]string)
	separator := func(r rune) bool { return r == ' ' || r == ',' }
	for _, part := range strings.FieldsFunc(string(list), separator) {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			value = "true"
		}
		values[strings.ReplaceAll(name, "-", "_")] = value
	}
	return values
}

// setAll sets fields by name. The error is a *FieldError for the first invalid one; the impairment
// is then unchanged.
func (i *Impairment) setAll(values map[string]string) error {
	byName := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		known := strings.ReplaceAll(name, "-", "_")
		if !slices.Contains(fieldNames(), known) {
			return &FieldError{Field: known, Want: "must be one of " + strings.Join(fieldNames(), ", ")}
		}
		byName[known] = values[name]
	}
	changed := *i
	for k := range textFields {
		f := &textFields[k]
		if value, ok := byName[f.name]; ok && value == "" {
			f.reset(&changed)
		}
	}
	if byName["loss"] != "" && byName["burst"] != "" {
		changed.Loss = Loss{} // the new rate need not fit the old bursts
	}
	for k := range textFields {
		f := &textFields[k]
		value := byName[f.name]
		if value == "" {
			continue
		}
		if err := f.set(&changed, value); err != nil {
			return &FieldError{f.name, value, err.Error()}
		}
	}
	*i = changed
	return nil
}
