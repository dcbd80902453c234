package exporter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxConfig is the length in bytes of the longest file.
const maxConfig = 1 << 20

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// parseYAML returns the only document of a text. A text without a value is an error.
func parseYAML(text []byte) (*yaml.Node, error) {
	if len(text) > maxConfig {
		return nil, &Error{What: fmt.Sprintf("the file has more than %d bytes", maxConfig)}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	root, err := nextDocument(d)
	switch {
	case err != nil:
		return nil, err
	case root == nil || isNull(root):
		return nil, &Error{Line: 1, What: "the file has no content",
			Hint: "write modules: or targets:; without a file, ohce has the ready-made modules"}
	}
	second, err := nextDocument(d)
	if err == nil && second != nil && !isNull(second) {
		err = mistake(second, "put everything into one document, without a line ---",
			"the file has a second document")
	}
	return root, err
}

// nextDocument returns the value of the next document. It is nil at the end of the text.
func nextDocument(d *yaml.Decoder) (*yaml.Node, error) {
	var doc yaml.Node
	err := d.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntaxError(err)
	case len(doc.Content) == 0:
		return nil, nil
	}
	return doc.Content[0], nil
}

// syntaxError returns the error for a text that is not YAML.
func syntaxError(err error) error {
	e := &Error{Line: 1, What: err.Error(), Hint: "check the indentation, the quotes and the colons"}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		e.What = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil {
			e.Line = line
		}
	}
	return e
}
