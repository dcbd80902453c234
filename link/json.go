package link

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MarshalJSON is an object of the fields that do something, each as its text; see FieldNames.
func (i Impairment) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range FieldNames() {
		text := i.Get(name)
		if text == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", name, jsonText(text))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// jsonText is a text as JSON: true and whole numbers as they are, all else as a string.
func jsonText(text string) []byte {
	if text == "true" || strings.Trim(text, "0123456789") == "" {
		return []byte(text)
	}
	quoted, _ := json.Marshal(text) // of a string it does not fail
	return quoted
}

// UnmarshalJSON sets the fields that the object names and leaves the others as they are; null sets one
// to what does nothing. Values are texts as Set takes them, or numbers and true or false. An error about
// a field is a *FieldError, and nothing has changed then.
func (i *Impairment) UnmarshalJSON(data []byte) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return notAnObject(err)
	}
	texts := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) { // of several bad ones it is always the first
		text, err := textOf(values[name])
		if err != nil {
			return &FieldError{Field: name, Value: string(values[name]), Want: err.Error()}
		}
		texts[name] = text
	}
	return i.SetAll(texts)
}

// notAnObject says of JSON that is well-formed what was wanted.
func notAnObject(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("must be an object of %s, not %s", strings.Join(FieldNames(), ", "), kind.Value)
	}
	return err
}

// textOf is a JSON value as the text that Set takes.
func textOf(value json.RawMessage) (string, error) {
	switch value[0] {
	case '{', '[':
		return "", errors.New("must be a text, a number, true or false")
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	}
	switch s := string(value); s {
	case "null", "false":
		return "", nil
	default:
		return s, nil
	}
}

// A phaseJSON is a Phase on the wire.
type phaseJSON struct {
	At   string          `json:"at"`
	Up   json.RawMessage `json:"up"`
	Down json.RawMessage `json:"down"`
}

// MarshalJSON is {"at":"10s","up":{...},"down":{...}}.
func (p Phase) MarshalJSON() ([]byte, error) {
	out := phaseJSON{At: p.At.String()}
	var err error
	if out.Up, err = p.Up.MarshalJSON(); err != nil {
		return nil, err
	}
	if out.Down, err = p.Down.MarshalJSON(); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. A direction that is left out does nothing in this phase.
func (p *Phase) UnmarshalJSON(data []byte) error {
	var in phaseJSON
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return err
	}
	at, err := time.ParseDuration(in.At)
	if err != nil || at < 0 {
		return &FieldError{Field: "at", Value: strconv.Quote(in.At), Want: "must be a time with its unit, as 10s"}
	}
	phase := Phase{At: at}
	if err := readWay("up", in.Up, &phase.Up); err != nil {
		return err
	}
	if err := readWay("down", in.Down, &phase.Down); err != nil {
		return err
	}
	*p = phase
	return nil
}

// readWay decodes a direction, and says of an error that it is there.
func readWay(name string, data json.RawMessage, i *Impairment) error {
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
