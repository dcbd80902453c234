package exporter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxNodes  = 1 << 20 // values in a file, each counted as often as aliases repeat it
	maxMerges = 10      // depth of merged mappings
)

// An Error describes the first mistake in a configuration.
type Error struct {
	File         string // its name; empty if unknown
	Line, Column int    // from 1; Column is 0 if unknown, and both are 0 if the file cannot be read
	What         string // what is wrong
	Hint         string // what to write instead; may be empty
}

// Error returns the position and what is wrong.
func (e *Error) Error() string {
	position := e.File
	if e.Line > 0 {
		position += ":" + strconv.Itoa(e.Line)
	}
	if e.Column > 0 {
		position += ":" + strconv.Itoa(e.Column)
	}
	return strings.TrimPrefix(position+": "+e.What, ": ")
}

// mistake returns the error for a node.
func mistake(n *yaml.Node, hint, format string, args ...any) error {
	return &Error{Line: n.Line, Column: n.Column, What: fmt.Sprintf(format, args...), Hint: hint}
}

// A yamlReader reads values from nodes and counts them, so that aliases of aliases cannot take
// unlimited time.
type yamlReader struct{ nodes, merges int }

// fields are the functions that read the values of a mapping, by key.
type fields map[string]func(value *yaml.Node) error

// visit resolves an alias and counts the node.
func (r *yamlReader) visit(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if r.nodes++; r.nodes > maxNodes {
		return nil, mistake(n, "use fewer aliases", "the file has more than %d values", maxNodes)
	}
	return n, nil
}

// mapping reads a mapping with the given keys. what names it in errors.
func (r *yamlReader) mapping(n *yaml.Node, what string, known fields) error {
	return r.entries(n, what, func(key, value *yaml.Node) error {
		read := known[key.Value]
		if read == nil {
			keys := slices.Sorted(maps.Keys(known))
			return mistake(key, "the keys are "+strings.Join(keys, ", "), "unknown key %q in %s",
				key.Value, what)
		}
		return read(value)
	})
}

// entries calls f with each key and value of a mapping. A null has none. Entries that are merged from
// other mappings (<<) follow, without those whose keys the mapping has itself.
func (r *yamlReader) entries(n *yaml.Node, what string, f func(key, value *yaml.Node) error) error {
	n, err := r.visit(n)
	switch {
	case err != nil:
		return err
	case isNull(n):
		return nil
	case n.Kind != yaml.MappingNode:
		return mistake(n, "write keys and values, each as KEY: VALUE", "%s is %s, want a mapping", what,
			kindOf(n))
	}
	own := make(map[string]*yaml.Node)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first := own[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			return mistake(key, "write a word", "a key in %s is %s", what, kindOf(key))
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
			continue
		case first != nil:
			return mistake(key, "remove one of them", "%q is given twice, first in line %d", key.Value,
				first.Line)
		}
		own[key.Value] = key
		if err := f(key, value); err != nil {
			return err
		}
	}
	for _, m := range merged {
		if err := r.merge(m, what, own, f); err != nil {
			return err
		}
	}
	return nil
}

// merge calls f with the entries of a mapping, or of several in a list, whose keys are not in own.
func (r *yamlReader) merge(n *yaml.Node, what string, own map[string]*yaml.Node,
	f func(key, value *yaml.Node) error) error {
	n, err := r.visit(n)
	if err != nil {
		return err
	}
	if r.merges++; r.merges > maxMerges {
		return mistake(n, "", "more than %d mappings are merged into each other", maxMerges)
	}
	defer func() { r.merges-- }()
	mappings := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		mappings = n.Content
	}
	for _, m := range mappings {
		if err := r.entries(m, what, func(key, value *yaml.Node) error {
			if own[key.Value] != nil {
				return nil
			}
			own[key.Value] = key
			return f(key, value)
		}); err != nil {
			return err
		}
	}
	return nil
}

// list calls f with each element of a list. A null has none.
func (r *yamlReader) list(n *yaml.Node, what string, f func(*yaml.Node) error) error {
	n, err := r.visit(n)
	switch {
	case err != nil:
		return err
	case isNull(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		return mistake(n, "begin each element with a dash", "%s is %s, want a list", what, kindOf(n))
	}
	for _, element := range n.Content {
		if err := f(element); err != nil {
			return err
		}
	}
	return nil
}
