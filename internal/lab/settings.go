package lab

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce/link"
)

// The limits of the settings. The page has the same ones.
const (
	MaxText   = 64  // characters
	MinDelay  = 5   // milliseconds each way
	MaxDelay  = 900 // milliseconds each way
	MaxJitter = 300 // milliseconds each way
	MaxSeed   = 1<<32 - 1
)

// Settings describe a run. The zero value is not valid; see DefaultSettings.
type Settings struct {
	// Text is the request: at most MaxText characters, which may be none.
	Text string
	// Loss and Duplicate are shares of the datagrams in each direction, in percent from 0 to 100.
	Loss, Duplicate int
	// Delay and Jitter are in milliseconds in each direction. Jitter is the largest deviation from
	// Delay.
	Delay, Jitter int
	// Overtake lets a datagram overtake another one. If false, the link keeps the order.
	Overtake bool
	// Seed decides the fate of each datagram.
	Seed uint32
	// Server reports whether a server runs. If false, no socket has the port of the server.
	Server bool
}

// DefaultSettings returns the settings without a query.
func DefaultSettings() Settings {
	return Settings{
		Text: "Hello", Loss: 30, Delay: 40, Overtake: true, Seed: defaultSeed, Server: true,
	}
}

// defaultSeed loses a request and a response and then answers, with both schedules.
const defaultSeed = 8

// Link returns the model of the network.
func (s *Settings) Link() *link.Link {
	each := link.Impairment{
		Loss:      link.RandomLoss(float64(s.Loss) / 100),
		Duplicate: float64(s.Duplicate) / 100,
		Delay:     link.Delay{Base: s.base(), Jitter: milliseconds(s.Jitter), InOrder: !s.Overtake},
	}
	return &link.Link{Seed: uint64(s.Seed), Up: each, Down: each}
}

func (s *Settings) base() time.Duration { return milliseconds(s.Delay) }

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// A SettingError reports a setting with an invalid value.
type SettingError struct {
	Name, Value string
	Want        string // for example "must be from 0 to 100"
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("%s=%s: %s", e.Name, strconv.Quote(e.Value), e.Want)
}

// settingNames are the names of the settings in a query, in the order of the page.
var settingNames = []string{"text", "loss", "delay", "jitter", "duplicate", "overtake", "seed", "server"}

// ParseSettings parses the settings in a query. Those that are missing have the values of
// DefaultSettings. The error is a *SettingError.
func ParseSettings(query url.Values) (Settings, error) {
	s := DefaultSettings()
	for name, values := range query {
		if !slices.Contains(settingNames, name) {
			return s, &SettingError{name, values[0], "there is no such setting"}
		}
		if len(values) > 1 {
			return s, &SettingError{name, values[1], "is given more than once"}
		}
	}
	if query.Has("text") {
		s.Text = query.Get("text")
	}
	if !utf8.ValidString(s.Text) || utf8.RuneCountInString(s.Text) > MaxText {
		return s, &SettingError{"text", s.Text, fmt.Sprintf("must be UTF-8 with at most %d characters", MaxText)}
	}
	for _, n := range []struct {
		name     string
		value    *int
		min, max int
	}{
		{"loss", &s.Loss, 0, 100}, {"duplicate", &s.Duplicate, 0, 100},
		{"delay", &s.Delay, MinDelay, MaxDelay}, {"jitter", &s.Jitter, 0, MaxJitter},
	} {
		if err := parseNumber(query, n.name, n.value, n.min, n.max); err != nil {
			return s, err
		}
	}
	seed := int(s.Seed)
	err := parseNumber(query, "seed", &seed, 0, MaxSeed)
	s.Seed = uint32(seed)
	if err == nil {
		err = parseSwitch(query, "overtake", &s.Overtake)
	}
	if err == nil {
		err = parseSwitch(query, "server", &s.Server)
	}
	return s, err
}

func parseNumber(query url.Values, name string, value *int, least, most int) error {
	if !query.Has(name) {
		return nil
	}
	n, err := strconv.ParseInt(query.Get(name), 10, 64)
	if err != nil || n < int64(least) || n > int64(most) {
		want := fmt.Sprintf("must be a whole number from %d to %d", least, most)
		return &SettingError{name, query.Get(name), want}
	}
	*value = int(n)
	return nil
}

func parseSwitch(query url.Values, name string, value *bool) error {
	switch text := query.Get(name); {
	case !query.Has(name):
		return nil
	case text == "on" || text == "off":
		*value = text == "on"
		return nil
	default:
		return &SettingError{name, text, "must be on or off"}
	}
}

// Query returns the settings as the query of a URL, in the order of the page.
func (s *Settings) Query() string {
	onOff := map[bool]string{true: "on", false: "off"}
	text := ""
	for i, value := range []string{
		url.QueryEscape(s.Text), strconv.Itoa(s.Loss), strconv.Itoa(s.Delay), strconv.Itoa(s.Jitter),
		strconv.Itoa(s.Duplicate), onOff[s.Overtake], strconv.FormatUint(uint64(s.Seed), 10), onOff[s.Server],
	} {
		text += "&" + settingNames[i] + "=" + value
	}
	return "?" + text[1:]
}
