package measure

import (
	"encoding/json"
	"time"
)

// Milliseconds is a duration that is a number of milliseconds as JSON, rounded to the microsecond.
type Milliseconds time.Duration

// Duration returns d as a time.Duration.
func (d Milliseconds) Duration() time.Duration { return time.Duration(d) }

// String returns d in the format of time.Duration.
func (d Milliseconds) String() string { return time.Duration(d).String() }

// MarshalJSON returns the number of milliseconds.
func (d Milliseconds) MarshalJSON() ([]byte, error) { return json.Marshal(millis(time.Duration(d))) }

// UnmarshalJSON reads a number of milliseconds.
func (d *Milliseconds) UnmarshalJSON(data []byte) error {
	var ms float64
	if err := json.Unmarshal(data, &ms); err != nil {
		return err
	}
	*d = Milliseconds(ms * float64(time.Millisecond))
	return nil
}
