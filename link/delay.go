package link

import (
	"fmt"
	"strings"
	"time"
)

// A Delay is the time that datagrams take to arrive. The zero value is no delay.
type Delay struct {
	// Base is the delay without jitter, at most one hour.
	Base time.Duration
	// Jitter is the spread around Base: the largest deviation for Uniform, the standard deviation
	// for Normal, the mean of the additional delay for Pareto. It is at most one hour. A negative
	// sum of Base and jitter counts as 0.
	Jitter time.Duration
	// Shape is the distribution of the jitter.
	Shape Shape
	// InOrder delays a datagram that would overtake an earlier one until that one arrives.
	InOrder bool
}

// A Shape is a distribution of jitter.
type Shape uint8

// The distributions of jitter.
const (
	Uniform Shape = iota
	Normal
	Pareto // heavy tail: most datagrams take little more than Base, a few very much more
	shapes
)

var shapeNames = [shapes]string{"uniform", "normal", "pareto"}

// String returns the name of the distribution in lower case.
func (s Shape) String() string {
	if s < shapes {
		return shapeNames[s]
	}
	return fmt.Sprintf("Shape(%d)", uint8(s))
}

// MarshalText returns the name of the distribution.
func (s Shape) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText parses the name of a distribution.
func (s *Shape) UnmarshalText(text []byte) error {
	for i, name := range shapeNames {
		if name == string(text) {
			*s = Shape(i)
			return nil
		}
	}
	return fmt.Errorf("invalid shape %q: must be %s", text, shapeList())
}

func shapeList() string {
	return strings.Join(shapeNames[:shapes-1], ", ") + " or " + shapeNames[shapes-1]
}
