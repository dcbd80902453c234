package cli

import (
	"bytes"
	"slices"

	"github.com/ohce/ohce/flip"
)

// A detector finds the transform that a server applies, from its responses.
type detector struct {
	candidates []flip.Transform // those that fit all responses so far
	seen       int              // responses so far
}

// newDetector returns a detector for all transforms. With graphemes, they keep grapheme clusters.
func newDetector(graphemes bool) *detector {
	d := new(detector)
	for _, name := range flip.Names() {
		t, err := flip.Parse(name)
		if err != nil {
			panic(err) // impossible: the names are those of package flip
		}
		t.Graphemes = graphemes
		d.candidates = append(d.candidates, t)
	}
	return d
}

// observe removes the transforms that do not turn request into response.
func (d *detector) observe(request, response []byte) {
	d.seen++
	d.candidates = slices.DeleteFunc(d.candidates, func(t flip.Transform) bool {
		return !bytes.Equal(t.Append(nil, request), response)
	})
}

// decided reports whether exactly one transform fits all responses, and returns it.
func (d *detector) decided() (flip.Transform, bool) {
	if d.seen == 0 || len(d.candidates) != 1 {
		return flip.Transform{}, false
	}
	return d.candidates[0], true
}

// hopeless reports whether no transform fits all responses.
func (d *detector) hopeless() bool { return len(d.candidates) == 0 }
