package cli

import (
	"strings"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

// parseTransform parses the value of a flag that names a transform. others are the flag's other
// values, for the hint.
func parseTransform(flag, name string, graphemes bool, others ...string) (flip.Transform, error) {
	t, err := flip.Parse(name)
	if err != nil {
		return t, usage("choose one of "+strings.Join(append(others, flip.Names()...), ", "),
			"--%s: there is no transform %q", flag, name)
	}
	t.Graphemes = graphemes
	return t, nil
}

// transformHandler returns a handler that responds with the transformed request.
func transformHandler(t flip.Transform) ohce.Handler {
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(t.Append(w.AvailableBuffer(), r.Data))
	})
}
