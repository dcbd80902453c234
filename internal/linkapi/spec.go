package linkapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ohce/ohce/link"
)

// A specJSON is the JSON form of a Spec. "like" names a preset; the fields of up and down change
// it.
type specJSON struct {
	Name     string          `json:"name,omitempty"`
	Listen   string          `json:"listen,omitempty"`
	To       string          `json:"to,omitempty"`
	Like     string          `json:"like,omitempty"`
	Seed     *uint64         `json:"seed,omitempty"`
	Up       json.RawMessage `json:"up,omitempty"`
	Down     json.RawMessage `json:"down,omitempty"`
	Schedule json.RawMessage `json:"schedule,omitempty"`
	Idle     string          `json:"idle,omitempty"`

	MaxNewPorts           int `json:"max_new_ports,omitempty"`
	MaxPortsPerAddress    int `json:"max_ports_per_address,omitempty"`
	MaxNewPortsPerAddress int `json:"max_new_ports_per_address,omitempty"`
}

// MarshalJSON returns the body of POST /links.
func (s Spec) MarshalJSON() ([]byte, error) {
	out := specJSON{
		Name: s.Name, Listen: s.Listen, To: s.To, Seed: s.Seed, MaxNewPorts: s.MaxNewPorts,
		MaxPortsPerAddress: s.MaxPortsPerAddress, MaxNewPortsPerAddress: s.MaxNewPortsPerAddress,
	}
	if s.Idle != 0 {
		out.Idle = s.Idle.String()
	}
	var err error
	if out.Up, err = json.Marshal(s.Up); err != nil {
		return nil, err
	}
	if out.Down, err = json.Marshal(s.Down); err != nil {
		return nil, err
	}
	if len(s.Schedule) > 0 {
		if out.Schedule, err = json.Marshal(s.Schedule); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON parses the body of POST /links. The error is an *Error.
func (s *Spec) UnmarshalJSON(data []byte) error {
	var in specJSON
	if err := decode(data, &in); err != nil {
		return err
	}
	out := Spec{
		Name: in.Name, Listen: in.Listen, To: in.To, Seed: in.Seed, MaxNewPorts: in.MaxNewPorts,
		MaxPortsPerAddress: in.MaxPortsPerAddress, MaxNewPortsPerAddress: in.MaxNewPortsPerAddress,
	}
	if in.Like != "" {
		p, err := findPreset(in.Like)
		if err != nil {
			return err
		}
		out.Up, out.Down = p.Up, p.Down
	}
	if err := decodeImpairment("up", in.Up, &out.Up); err != nil {
		return err
	}
	if err := decodeImpairment("down", in.Down, &out.Down); err != nil {
		return err
	}
	var err error
	if out.Schedule, err = decodeSchedule(in.Schedule); err != nil {
		return err
	}
	if in.Idle != "" {
		if out.Idle, err = time.ParseDuration(in.Idle); err != nil || out.Idle <= 0 {
			return newError(400, "idle",
				"idle is "+strconv.Quote(in.Idle)+": must be a positive duration, such as 1m")
		}
	}
	*s = out
	return nil
}

// findPreset returns the preset with the given name. The error is an *Error.
func findPreset(name string) (link.Preset, error) {
	if p, ok := link.FindPreset(name); ok {
		return p, nil
	}
	var names []string
	for _, p := range link.Presets() {
		names = append(names, p.Name)
	}
	return link.Preset{}, newError(400, "like", "like is "+strconv.Quote(name)+": must be one of "+
		strings.Join(names, ", "))
}

// checkEffect returns an *Error if a value in data has no effect in i.
func checkEffect(name string, data json.RawMessage, i *link.Impairment) error {
	if len(data) == 0 {
		return nil
	}
	given, err := link.ObjectFields(data)
	if err == nil {
		err = i.CheckEffect(given)
	}
	return fieldError(name, err)
}

// decodeImpairment decodes an impairment that may be missing.
func decodeImpairment(name string, data json.RawMessage, i *link.Impairment) error {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	if err := decodeField(name, data, i); err != nil {
		return err
	}
	return checkEffect(name, data, i)
}

// decodeField decodes a part of a document. The *Error names the part.
func decodeField(name string, data json.RawMessage, v json.Unmarshaler) error {
	return fieldError(name, v.UnmarshalJSON(data))
}

// fieldError returns the *Error for an error about a part of a document.
func fieldError(name string, err error) error {
	var field *link.FieldError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &field):
		inner := *field
		inner.Field = name + "." + field.Field
		return apiError(&inner)
	default:
		return newError(400, name, name+": "+err.Error())
	}
}

// decode decodes exactly one JSON value. Unknown fields are errors. The error is an *Error.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return decodeError(err)
	}
	if end := d.InputOffset(); len(bytes.TrimSpace(data[end:])) > 0 {
		return newError(400, "body", fmt.Sprintf("unexpected data after the JSON value, at byte %d", end))
	}
	return nil
}

// decodeError returns the *Error for an error of encoding/json.
func decodeError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var ours *Error
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return newError(400, "body", "the JSON value is incomplete")
	case errors.As(err, &syntax):
		return newError(400, "body", fmt.Sprintf("invalid JSON at byte %d: %v", syntax.Offset, err))
	case errors.As(err, &kind) && kind.Field == "":
		return newError(400, "body", "must be a JSON object, not "+kind.Value)
	case errors.As(err, &kind):
		return newError(400, kind.Field, kind.Field+" must not be a "+kind.Value)
	}
	// encoding/json has no type for this error.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name, _ = strconv.Unquote(name)
		return newError(400, name,
			"unknown field "+name+": must be one of "+strings.Join(specFields, ", "))
	}
	return apiError(err)
}

var specFields = []string{"name", "listen", "to", "like", "seed", "up", "down", "schedule", "idle",
	"max_new_ports", "max_ports_per_address", "max_new_ports_per_address"}

// A changeJSON is the body of PATCH /links/{name}.
type changeJSON struct {
	Like string          `json:"like"`
	Up   json.RawMessage `json:"up"`
	Down json.RawMessage `json:"down"`
}

// decodeChange decodes the body of PATCH /links/{name}.
func decodeChange(data []byte) (*changeJSON, error) {
	var c changeJSON
	err := decode(data, &c)
	var e *Error
	if errors.As(err, &e) && !slices.Contains([]string{"like", "up", "down"}, e.Field) &&
		slices.Contains(specFields, e.Field) {
		return nil, newError(400, e.Field, e.Field+
			" cannot be changed: remove the link and create it again, or change like, up and down only")
	}
	return &c, err
}
