package exporter

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// scalar returns a node with a single value.
func (r *yamlReader) scalar(n *yaml.Node, what, want string) (*yaml.Node, error) {
	n, err := r.visit(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.ScalarNode || isNull(n) {
		return nil, mistake(n, "", "%s is %s, want %s", what, kindOf(n), want)
	}
	return n, nil
}

// text reads a text. Binary data has the tag !!binary and is encoded in Base64.
func (r *yamlReader) text(n *yaml.Node, what string) (string, error) {
	n, err := r.scalar(n, what, "a text")
	if err != nil || n.ShortTag() != "!!binary" {
		return valueOf(n), err
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
	if err != nil {
		return "", mistake(n, "", "%s is not encoded in Base64", what)
	}
	return string(data), nil
}

func valueOf(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

// boolean reads true or false.
func (r *yamlReader) boolean(n *yaml.Node, what string) (bool, error) {
	n, err := r.scalar(n, what, "true or false")
	if err != nil {
		return false, err
	}
	var value bool
	if n.Decode(&value) != nil {
		return false, mistake(n, "", "%s is %q, want true or false", what, n.Value)
	}
	return value, nil
}

// integer reads a number within limits.
func (r *yamlReader) integer(n *yaml.Node, what string, least, most int) (int, error) {
	n, err := r.scalar(n, what, "a number")
	if err != nil {
		return 0, err
	}
	value, err := strconv.Atoi(n.Value)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return 0, mistake(n, "", "%s is %q, want a number", what, n.Value)
	case err != nil || value < least || value > most:
		return 0, mistake(n, "", "%s is %s, want %d to %d", what, n.Value, least, most)
	}
	return value, nil
}

// duration reads a time within limits.
func (r *yamlReader) duration(n *yaml.Node, what string, least, most time.Duration) (time.Duration, error) {
	n, err := r.scalar(n, what, "a time such as 500ms")
	if err != nil {
		return 0, err
	}
	value, err := time.ParseDuration(n.Value)
	switch {
	case err != nil:
		return 0, mistake(n, "write a number and a unit, as in 500ms or 5s", "%s is %q, want a time", what,
			n.Value)
	case value < least || value > most:
		return 0, mistake(n, "", "%s is %v, want %v to %v", what, value, least, most)
	}
	return value, nil
}

// integerInto returns a function that reads a number into a variable.
func (r *yamlReader) integerInto(to *int, what string, least, most int) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to, err = r.integer(n, what, least, most)
		return err
	}
}

// durationInto returns a function that reads a time into a variable.
func (r *yamlReader) durationInto(to *time.Duration, what string, least, most time.Duration) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to, err = r.duration(n, what, least, most)
		return err
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// kindOf describes a node in errors.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "empty"
	default:
		return strconv.Quote(n.Value)
	}
}
