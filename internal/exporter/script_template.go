package exporter

import (
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// templateGroup matches what Regexp.Expand replaces: a dollar sign written as $$, or the name or the
// number of a group as $name or ${name}.
var templateGroup = regexp.MustCompile(`\$(?:\$|([\pL\p{Nd}_]+)|\{([\pL\p{Nd}_]+)\})`)

// numberedGroup matches a text that is meant as a group even where there is none.
var numberedGroup = regexp.MustCompile(`\$\{[0-9]+\}`)

// checkTemplate returns an error if text has parts of a match that re does not have. Regexp.Expand
// replaces these by nothing. If re is nil, text is used as it is, and a group such as ${1} is an error.
func checkTemplate(n *yaml.Node, what, text string, re *regexp.Regexp) error {
	if re == nil {
		if group := numberedGroup.FindString(text); group != "" {
			return mistake(n, "add expect to the step; send_hex sends any bytes as they are",
				"%s has %s, but its step has no expect", what, group)
		}
		return nil
	}
	for _, found := range templateGroup.FindAllStringSubmatch(text, -1) {
		if name := found[1] + found[2]; name != "" && !hasGroup(re, name) {
			return mistake(n, groupHint(re), "%s has %s, but expect has no such group", what, found[0])
		}
	}
	return nil
}

// hasGroup reports whether a regular expression has a group with a name or a number. Group 0 is the
// whole match.
func hasGroup(re *regexp.Regexp, name string) bool {
	if number, err := strconv.Atoi(name); err == nil && strconv.Itoa(number) == name {
		return number <= re.NumSubexp()
	}
	return re.SubexpIndex(name) >= 0
}

// groupHint names the groups of a regular expression.
func groupHint(re *regexp.Regexp) string {
	const rest = "write $$ for a dollar sign"
	if re.NumSubexp() == 0 {
		return "put parentheses around the part of expect; " + rest
	}
	groups := ""
	for i, name := range re.SubexpNames()[1:] {
		if name == "" {
			name = strconv.Itoa(i + 1)
		}
		groups += fmt.Sprintf("${%s}, ", name)
	}
	return "the groups are " + groups + "and ${0} for the whole match; " + rest
}
