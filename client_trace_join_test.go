package ohce_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/ohce/ohce"
)

// A traceCall is a call of a function of a trace.
type traceCall struct {
	trace, field string
	args         []any
}

// recordingTrace returns a trace all of whose functions add their calls to calls.
func recordingTrace(name string, calls *[]traceCall) *ohce.ClientTrace {
	trace := new(ohce.ClientTrace)
	v := reflect.ValueOf(trace).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		f.Set(reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
			call := traceCall{trace: name, field: v.Type().Field(i).Name}
			for _, a := range args {
				call.args = append(call.args, a.Interface())
			}
			*calls = append(*calls, call)
			return nil
		}))
	}
	return trace
}

// traceArguments returns arguments for a function of a trace, none of them zero.
func traceArguments(t *testing.T, f reflect.Type) (args []reflect.Value, plain []any) {
	t.Helper()
	for i := range f.NumIn() {
		var arg any
		switch f.In(i) {
		case reflect.TypeFor[ohce.TraceAttempt]():
			arg = ohce.TraceAttempt{Exchange: 7, Attempt: 2, Err: errors.New("refused")}
		case reflect.TypeFor[*ohce.Response]():
			arg = &ohce.Response{Data: []byte("OLLEh")}
		case reflect.TypeFor[ohce.IgnoreReason]():
			arg = ohce.IgnoreLate
		case reflect.TypeFor[[]byte]():
			arg = []byte("Hello")
		default:
			t.Fatalf("add an argument of type %v", f.In(i))
		}
		args, plain = append(args, reflect.ValueOf(arg)), append(plain, arg)
	}
	return args, plain
}

// TestJoinTraces checks for each function that it calls those of all traces in the given order, with
// all arguments, and that a trace without the function is left out.
func TestJoinTraces(t *testing.T) {
	trace := reflect.TypeFor[ohce.ClientTrace]()
	for i := range trace.NumField() {
		field := trace.Field(i)
		args, plain := traceArguments(t, field.Type)
		for _, tt := range []struct {
			traces string // "-" has no functions, " " is nil
			want   string
		}{
			{"a", "a"}, {"ab", "ab"}, {"abc", "abc"}, {"-a", "a"}, {"a-", "a"}, {"a-b", "ab"}, {" a b ", "ab"},
		} {
			t.Run(fmt.Sprintf("%s/%s", field.Name, tt.traces), func(t *testing.T) {
				var calls, want []traceCall
				var traces []*ohce.ClientTrace
				for _, name := range tt.traces {
					switch name {
					case ' ':
						traces = append(traces, nil)
					case '-':
						traces = append(traces, &ohce.ClientTrace{})
					default:
						traces = append(traces, recordingTrace(string(name), &calls))
					}
				}
				for _, name := range tt.want {
					want = append(want, traceCall{string(name), field.Name, plain})
				}
				joined := reflect.ValueOf(ohce.JoinTraces(traces...)).Elem().Field(i)
				if joined.IsNil() {
					t.Fatal("the function is nil")
				}
				joined.Call(args)
				if !reflect.DeepEqual(calls, want) {
					t.Errorf("calls %+v, want %+v", calls, want)
				}
			})
		}
	}
}

// TestJoinNoTraces checks that the result is nil without traces, that a function which no trace has is
// nil, and that the traces remain as they are.
func TestJoinNoTraces(t *testing.T) {
	for _, traces := range [][]*ohce.ClientTrace{nil, {nil}, {nil, nil}} {
		if got := ohce.JoinTraces(traces...); got != nil {
			t.Errorf("JoinTraces(%v) = %+v, want nil", traces, got)
		}
	}
	var calls []traceCall
	traces := []*ohce.ClientTrace{{}, {}}
	before := slices.Clone(traces)
	joined := ohce.JoinTraces(traces...)
	if v := reflect.ValueOf(joined).Elem(); !v.IsZero() {
		t.Errorf("joined traces without functions are %+v", joined)
	}
	joined.AttemptSent = recordingTrace("joined", &calls).AttemptSent
	if !slices.Equal(traces, before) || traces[0].AttemptSent != nil || traces[1].AttemptSent != nil {
		t.Error("a change of the result has changed a trace")
	}
	single := &ohce.ClientTrace{}
	if got := ohce.JoinTraces(single); got == nil || got == single {
		t.Errorf("the result of one trace is %p, want a copy of %p", got, single)
	}
}
