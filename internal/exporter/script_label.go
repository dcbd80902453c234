package exporter

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// stepLabels reads the labels of a step and adds them to its regular expression.
func (r *yamlReader) stepLabels(n *yaml.Node, st *step, s *script) error {
	all, err := r.labels(n, st.regex(), s.labelLines)
	switch {
	case err != nil || len(all) == 0:
		return err
	case st.regex() == nil:
		return mistake(n, "add expect with a regular expression", "labels need expect in the same step")
	}
	st.expect[0].labels = all
	return nil
}

// labels reads the labels of a step. Their values have parts of a match of re, which can be nil. lines
// has the line of each label of the script.
func (r *yamlReader) labels(n *yaml.Node, re *regexp.Regexp, lines map[string]int) (
	all []label, err error) {
	err = r.list(n, "labels", func(n *yaml.Node) error {
		l, err := r.label(n, re)
		if first := lines[l.name]; err == nil && first > 0 {
			err = mistake(n, "choose another name", "label %q is given twice, first in line %d", l.name, first)
		}
		lines[l.name] = n.Line
		all = append(all, l)
		return err
	})
	return all, err
}

// label reads a label.
func (r *yamlReader) label(n *yaml.Node, re *regexp.Regexp) (l label, err error) {
	err = r.mapping(n, "a label", fields{
		"name": func(n *yaml.Node) (err error) {
			l.name, err = r.text(n, "name")
			if err == nil && (!labelName.MatchString(l.name) || strings.HasPrefix(l.name, "__")) {
				err = mistake(n, "begin with a letter or one _, and continue with letters, digits and _",
					"invalid name %q of a label", l.name)
			}
			return err
		},
		"value": func(n *yaml.Node) (err error) {
			l.value, err = r.text(n, "value")
			if err == nil && re != nil {
				err = checkTemplate(n, "value", l.value, re)
			}
			return err
		},
	})
	if err == nil && l.name == "" {
		err = mistake(n, "add name: NAME", "a label has no name")
	}
	return l, err
}
