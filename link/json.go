package link

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MarshalJSON returns an object with the fields that have an effect, under the names of
// UnmarshalText.
func (i Impairment) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for k := range textFields {
		text := textFields[k].get(i)
		if text == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", textFields[k].name, jsonValue(text))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// jsonValue returns true and whole numbers as they are, and other texts as JSON strings.
func jsonValue(text string) []byte {
	if text == "true" || strings.Trim(text, "0123456789") == "" {
		return []byte(text)
	}
	quoted, _ := json.Marshal(text) // cannot fail for a string
	return quoted
}

// UnmarshalJSON sets the fields of an object and leaves the other fields unchanged. Values are
// strings in the form of UnmarshalText, numbers or booleans; null and false reset a field to no
// effect. An error about a field is a *FieldError. After an error the impairment is unchanged.
func (i *Impairment) UnmarshalJSON(data []byte) error {
	values, err := ObjectFields(data)
	if err != nil {
		return err
	}
	return i.setAll(values)
}

// ObjectFields returns the values of a JSON object in the form of UnmarshalJSON, by name, for
// CheckEffect. Values that reset a field are "".
func ObjectFields(data []byte) (map[string]string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, objectError(err)
	}
	values := make(map[string]string, len(object))
	for name, value := range object {
		values[strings.ReplaceAll(name, "-", "_")] = textValue(value)
	}
	return values, nil
}

// objectError improves the error for JSON that is valid but not an object.
func objectError(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("must be a JSON object, not %s", kind.Value)
	}
	return err
}

// textValue returns a JSON value in the form of UnmarshalText. No field accepts the text of an
// object or an array.
func textValue(value json.RawMessage) string {
	switch s := string(value); {
	case s == "null" || s == "false":
		return ""
	case s[0] == '"':
		_ = json.Unmarshal(value, &s) // cannot fail: it is part of valid JSON
		return s
	default:
		return s
	}
}

// A phaseJSON is the JSON form of a Phase.
type phaseJSON struct {
	At   string          `json:"at"`
	Up   json.RawMessage `json:"up"`
	Down json.RawMessage `json:"down"`
}

// MarshalJSON returns {"at":"10s","up":{...},"down":{...}}.
func (p Phase) MarshalJSON() ([]byte, error) {
	up, _ := p.Up.MarshalJSON() // never fails
	down, _ := p.Down.MarshalJSON()
	return json.Marshal(phaseJSON{p.At.String(), up, down})
}

// UnmarshalJSON parses the object that MarshalJSON returns. A missing direction has no impairment
// in this phase. An error about a field is a *FieldError. After an error the phase is unchanged.
func (p *Phase) UnmarshalJSON(data []byte) error {
	var in phaseJSON
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return objectError(err)
	}
	at, err := time.ParseDuration(in.At)
	if err != nil || at < 0 {
		return &FieldError{"at", strconv.Quote(in.At), "must be a duration, such as 10s"}
	}
	phase := Phase{At: at}
	if err := unmarshalDirection("up", in.Up, &phase.Up); err != nil {
		return err
	}
	if err := unmarshalDirection("down", in.Down, &phase.Down); err != nil {
		return err
	}
	*p = phase
	return nil
}

// unmarshalDirection adds the direction to the name of the field in a *FieldError.
func unmarshalDirection(name string, data json.RawMessage, i *Impairment) error {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	err := i.UnmarshalJSON(data)
	var field *FieldError
	if errors.As(err, &field) {
		return &FieldError{name + "." + field.Field, field.Value, field.Want}
	}
	return err
}
