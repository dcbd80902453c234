package linkapi

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"slices"

	"github.com/ohce/ohce/link"
)

// respond writes the response to a request. If both result and err are nil, it has no body.
func respond(w http.ResponseWriter, r *http.Request, result any, err error) {
	status := http.StatusOK
	switch {
	case err != nil:
		e := apiError(err)
		status, result = e.Status, errorJSON{e.Message, e.Hint, e.Field}
	case result == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method == http.MethodPost:
		status = http.StatusCreated
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	out := &indenter{w: w}
	switch v := result.(type) {
	case iter.Seq[*Status]:
		writeArray(out, "", v, out.status)
	case *Status:
		out.status("", v)
	case []link.Phase:
		writeArray(out, "", slices.Values(v), out.phase)
	default:
		out.value("", v)
	}
	out.text("\n")
	// out.err is not nil only if the client has disconnected or is too slow.
}

// An indenter writes indented JSON in parts, so that a long response takes little memory while its
// client reads slowly. The prefix of its methods begins each line but the first one.
type indenter struct {
	w   io.Writer
	err error // the first error of w
}

func (o *indenter) text(s string) { o.bytes([]byte(s)) }

func (o *indenter) bytes(b []byte) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
}

// value writes the JSON value of v.
func (o *indenter) value(prefix string, v any) { o.bytes(indent(prefix, v)) }

func (o *indenter) phase(prefix string, p link.Phase) { o.value(prefix, p) }

// status writes the JSON object of a link. Its schedule, which can be long, is the last field.
func (o *indenter) status(prefix string, s *Status) {
	short := *s
	short.Schedule = nil
	object := indent(prefix, short)
	if len(s.Schedule) == 0 {
		o.bytes(object)
		return
	}
	end := []byte("\n" + prefix + "}")
	o.bytes(bytes.TrimSuffix(object, end))
	o.text(",\n" + prefix + `  "schedule": `)
	writeArray(o, prefix+"  ", slices.Values(s.Schedule), o.phase)
	o.bytes(end)
}

// writeArray writes a JSON array. It stops at the first error.
func writeArray[T any](o *indenter, prefix string, all iter.Seq[T], write func(prefix string, v T)) {
	before, after := "[", "[]"
	for v := range all {
		if o.err != nil {
			return
		}
		o.text(before + "\n" + prefix + "  ")
		write(prefix+"  ", v)
		before, after = ",", "\n"+prefix+"]"
	}
	o.text(after)
}

// indent returns the JSON value of v, in lines that begin with prefix, except for the first one.
func indent(prefix string, v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent(prefix, "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // impossible: texts, numbers and impairments only
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
