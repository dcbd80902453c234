package linkapi

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// A Status describes a link.
type Status struct {
	Name     string          `json:"name"`
	Listen   string          `json:"listen"` // with the port that the system chose
	To       string          `json:"to"`
	Seed     uint64          `json:"seed"`
	Up       link.Impairment `json:"up"`
	Down     link.Impairment `json:"down"`
	Stats    relay.Stats     `json:"stats"`
	Error    string          `json:"error,omitempty"` // why the link no longer carries datagrams
	Schedule []link.Phase    `json:"schedule,omitempty"`
}

// UnmarshalJSON parses the object of a link. The schedule has at most MaxPhases phases.
func (s *Status) UnmarshalJSON(data []byte) error {
	type fields Status // without this method
	var in struct {
		fields
		Schedule json.RawMessage `json:"schedule"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	var err error
	if in.fields.Schedule, err = decodeSchedule(in.Schedule); err != nil {
		return err
	}
	*s = Status(in.fields)
	return nil
}

// A statusList is the result of GET /links.
type statusList []*Status

// decode reads a JSON array of at most MaxLinks links. It keeps one element in memory besides the
// result.
func (l *statusList) decode(d *json.Decoder) error {
	begin, err := d.Token()
	if err != nil {
		return err
	}
	if begin != json.Delim('[') {
		return errors.New("it is not a list of links")
	}
	for d.More() {
		if len(*l) == MaxLinks {
			return fmt.Errorf("it has more than %d links", MaxLinks)
		}
		var s *Status
		if err := d.Decode(&s); err != nil {
			return err
		}
		if s == nil {
			return errors.New("a link is null")
		}
		*l = append(*l, s)
	}
	_, err = d.Token() // the end of the array
	return err
}
