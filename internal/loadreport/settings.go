package loadreport

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// A Setting is a setting of a run, such as the name rate with the value 1000.
type Setting struct{ Name, Value string }

// Settings are settings in order. As JSON, they are an object with strings as values.
type Settings []Setting

// MarshalJSON returns an object with the settings in order.
func (s Settings) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, setting := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(setting.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(setting.Value)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(name, ':'), value...))
	}
	return fmt.Appendf(nil, "{%s}", b.Bytes()), nil
}

// UnmarshalJSON reads an object whose values are strings.
func (s *Settings) UnmarshalJSON(data []byte) error {
	var values map[string]string // checks the types
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	*s = nil
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil || values == nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value string
		if err := d.Decode(&value); err != nil {
			return err
		}
		*s = append(*s, Setting{fmt.Sprint(name), value})
	}
	return nil
}

// A Difference is a setting that differs between two runs. The value of a run without the setting
// is empty.
type Difference struct{ Name, A, B string }

// Differences returns the settings that differ, in the order of a and then of b.
func Differences(a, b Settings) (all []Difference) {
	for _, s := range a {
		if other, _ := b.value(s.Name); other != s.Value {
			all = append(all, Difference{s.Name, s.Value, other})
		}
	}
	for _, s := range b {
		if _, ok := a.value(s.Name); !ok && s.Value != "" {
			all = append(all, Difference{Name: s.Name, B: s.Value})
		}
	}
	return all
}

func (s Settings) value(name string) (value string, ok bool) {
	for _, setting := range s {
		if setting.Name == name {
			return setting.Value, true
		}
	}
	return "", false
}
