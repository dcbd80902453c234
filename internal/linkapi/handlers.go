package linkapi

import (
	"encoding/json"

	"github.com/ohce/ohce/link"
)

func getPresets(*call) (any, error) {
	type preset struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Up          link.Impairment `json:"up"`
		Down        link.Impairment `json:"down"`
	}
	var all []preset
	for _, p := range link.Presets() {
		all = append(all, preset(p))
	}
	return all, nil
}

func getLinks(c *call) (any, error) { return c.m.all(), nil }

func postLink(c *call) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	var s Spec
	if err := decode(data, &s); err != nil {
		return nil, err
	}
	return c.m.Create(c.r.Context(), s)
}

func getLink(c *call) (any, error) { return c.m.Get(c.name) }

func deleteLink(c *call) (any, error) { return nil, c.m.Remove(c.name) }

func patchLink(c *call) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	change, err := decodeChange(data)
	if err != nil {
		return nil, err
	}
	var like link.Preset
	if change.Like != "" {
		if like, err = findPreset(change.Like); err != nil {
			return nil, err
		}
	}
	return c.m.Change(c.name, func(up, down *link.Impairment) error {
		if change.Like != "" {
			*up, *down = like.Up, like.Down
		}
		if err := decodeImpairment("up", change.Up, up); err != nil {
			return err
		}
		return decodeImpairment("down", change.Down, down)
	})
}

// change lets f change the impairment of the call's direction.
func (c *call) change(f func(*link.Impairment) error) (*Status, error) {
	return c.m.Change(c.name, func(up, down *link.Impairment) error {
		if c.direction == "down" {
			return f(down)
		}
		return f(up)
	})
}

// impairment returns the impairment of the call's direction.
func (c *call) impairment(s *Status, err error) (any, error) {
	switch {
	case err != nil:
		return nil, err
	case c.direction == "down":
		return s.Down, nil
	default:
		return s.Up, nil
	}
}

func getImpairment(c *call) (any, error) { return c.impairment(c.m.Get(c.name)) }

func putImpairment(c *call) (any, error) { return c.setImpairment(true) }

func patchImpairment(c *call) (any, error) { return c.setImpairment(false) }

// setImpairment sets the fields in the body. If reset is true, it resets the other fields.
func (c *call) setImpairment(reset bool) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	var object json.RawMessage
	if err := decode(data, &object); err != nil {
		return nil, err
	}
	return c.impairment(c.change(func(i *link.Impairment) error {
		if reset {
			*i = link.Impairment{}
		}
		return decodeImpairment(c.direction, object, i)
	}))
}

func deleteImpairment(c *call) (any, error) {
	_, err := c.change(func(i *link.Impairment) error { *i = link.Impairment{}; return nil })
	return nil, err
}

func putField(c *call) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	var value json.RawMessage
	if err := decode(data, &value); err != nil {
		return nil, err
	}
	return c.impairment(c.setField(value))
}

func deleteField(c *call) (any, error) {
	_, err := c.setField(json.RawMessage("null"))
	return nil, err
}

// setField sets the call's field.
func (c *call) setField(value json.RawMessage) (*Status, error) {
	object, err := json.Marshal(map[string]json.RawMessage{c.field: value})
	if err != nil {
		return nil, newError(400, "body", err.Error())
	}
	return c.change(func(i *link.Impairment) error { return decodeImpairment(c.direction, object, i) })
}

func getSchedule(c *call) (any, error) {
	s, err := c.m.Get(c.name)
	if err != nil {
		return nil, err
	}
	return append([]link.Phase{}, s.Schedule...), nil // [] if there are none, not null
}

func putSchedule(c *call) (any, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	var list json.RawMessage
	if err := decode(data, &list); err != nil {
		return nil, err
	}
	phases, err := decodeSchedule(list)
	if err != nil {
		return nil, err
	}
	if err := c.m.SetSchedule(c.name, phases); err != nil {
		return nil, err
	}
	return getSchedule(c)
}

func deleteSchedule(c *call) (any, error) { return nil, c.m.SetSchedule(c.name, nil) }
