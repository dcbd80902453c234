package ohce_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ohce/ohce"
)

// TestResponseWriter checks that the zero ResponseWriter is ready for use.
func TestResponseWriter(t *testing.T) {
	var w ohce.ResponseWriter
	if w.Written() || len(w.Bytes()) != 0 {
		t.Error("the zero value has a response, want none")
	}
	w.Write(nil)
	if !w.Written() || len(w.Bytes()) != 0 {
		t.Error("an empty write did not make an empty response")
	}
	w.Write([]byte("one "))
	w.Write(append(w.AvailableBuffer(), "two"...))
	if got := string(w.Bytes()); got != "one two" {
		t.Errorf("the response after two writes is %q", got)
	}
	w.Reset()
	if w.Written() || len(w.Bytes()) != 0 {
		t.Error("Written reports true after Reset")
	}
}

func TestResponseWriterLimit(t *testing.T) {
	var w ohce.ResponseWriter
	if n, err := w.Write(make([]byte, 65_507)); n != 65_507 || err != nil {
		t.Fatalf("65,507 bytes: %d, %v", n, err)
	}
	if n, err := w.Write([]byte{1}); n != 0 || !errors.Is(err, ohce.ErrTooLarge) {
		t.Errorf("one byte more: %d, %v; want ErrTooLarge", n, err)
	}
	if _, err := w.Write(nil); !errors.Is(err, ohce.ErrTooLarge) {
		t.Errorf("after that: %v; want ErrTooLarge until Reset", err)
	}
	w.Reset()
	if n, err := w.Write([]byte{1}); n != 1 || err != nil {
		t.Errorf("after Reset: %d, %v", n, err)
	}
}

func TestAvailableBufferAllocs(t *testing.T) {
	var w ohce.ResponseWriter
	data := bytes.Repeat([]byte{'x'}, 1000)
	allocs := testing.AllocsPerRun(100, func() {
		w.Reset()
		w.Write(append(w.AvailableBuffer(), data...))
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

func TestRequestClone(t *testing.T) {
	r := &ohce.Request{Data: []byte("Hello")}
	c := r.Clone()
	r.Data[0] = 'J'
	if string(c.Data) != "Hello" || c.Context() == nil {
		t.Errorf("the clone is %+v", c)
	}
}

func TestConcurrentWithoutServer(t *testing.T) {
	h := ohce.Concurrent(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(r.Data)
	}), 4)
	var w ohce.ResponseWriter
	h.ServeUDP(&w, &ohce.Request{Data: []byte("Hello")})
	if string(w.Bytes()) != "Hello" {
		t.Errorf("the response is %q", w.Bytes())
	}
}

func TestDropReasonString(t *testing.T) {
	seen := make(map[string]bool)
	var d ohce.Drops
	for r := range d.All() {
		if name := r.String(); name == "" || name == "none" || name == "unknown" || seen[name] {
			t.Errorf("reason %d is called %q", r, name)
		}
		seen[r.String()] = true
	}
	if len(seen) != len(d)-1 {
		t.Errorf("%d reasons are listed, want %d", len(seen), len(d)-1)
	}
}
