package linkapi

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/ohce/ohce/link"
)

// MaxPhases is the maximum number of phases in a schedule.
const MaxPhases = 1000

// checkPhases returns an *Error if a schedule has too many phases.
func checkPhases(phases []link.Phase) error {
	if len(phases) > MaxPhases {
		return errPhases
	}
	return nil
}

var errPhases = newError(400, "schedule",
	fmt.Sprintf("the schedule has more than %d phases", MaxPhases))

// decodeSchedule decodes the phases of a schedule. It stops at the first error, so that a long list
// takes no memory.
func decodeSchedule(data json.RawMessage) (all []link.Phase, err error) {
	switch data = bytes.TrimSpace(data); {
	case len(data) == 0 || string(data) == "null":
		return nil, nil
	case data[0] != '[':
		return nil, newError(400, "schedule", "the schedule must be a JSON array")
	}
	return all, decodeArray(data, func(i int, phase json.RawMessage) error {
		if i == MaxPhases {
			return errPhases
		}
		p, err := decodePhase(fmt.Sprintf("schedule[%d]", i), phase)
		all = append(all, p)
		return err
	})
}

// decodePhase decodes a phase. The *Error names it.
func decodePhase(name string, data json.RawMessage) (p link.Phase, err error) {
	if err := decodeField(name, data, &p); err != nil {
		return p, err
	}
	var given struct{ Up, Down json.RawMessage }
	if err := json.Unmarshal(data, &given); err != nil {
		return p, decodeError(err)
	}
	if err := checkEffect(name+".up", given.Up, &p.Up); err != nil {
		return p, err
	}
	return p, checkEffect(name+".down", given.Down, &p.Down)
}

// decodeArray calls f for each element of a valid JSON array until f returns an error. f must not
// keep the element.
func decodeArray(data json.RawMessage, f func(i int, element json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return decodeError(err)
	}
	var element json.RawMessage
	for i := 0; d.More(); i++ {
		if err := d.Decode(&element); err != nil {
			return decodeError(err)
		}
		if err := f(i, element); err != nil {
			return err
		}
	}
	return nil
}
