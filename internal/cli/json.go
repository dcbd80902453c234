package cli

import (
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/measure"
)

// An answerJSON is a response as --json prints it. Bytes that are not UTF-8 are encoded in base64,
// in the fields with that suffix.
type answerJSON struct {
	Line           int     `json:"line,omitempty"` // of standard input, from 1
	Server         string  `json:"server"`
	Request        *string `json:"request,omitempty"`
	RequestBase64  []byte  `json:"request_base64,omitempty"`
	Response       *string `json:"response,omitempty"`
	ResponseBase64 []byte  `json:"response_base64,omitempty"`
	RTT            float64 `json:"rtt_ms"`
	Elapsed        float64 `json:"elapsed_ms"`
	Attempts       int     `json:"attempts"`
}

// A failureJSON is a message without a response, as --json prints it.
type failureJSON struct {
	Line          int     `json:"line,omitempty"` // of standard input, from 1
	Server        string  `json:"server"`
	Request       *string `json:"request,omitempty"`
	RequestBase64 []byte  `json:"request_base64,omitempty"`
	Error         string  `json:"error"`
	Message       string  `json:"message"`
	Elapsed       float64 `json:"elapsed_ms"`
	Attempts      int     `json:"attempts"`
}

// printFailure writes the JSON object of a message without a response to w. line is the number of its
// line, or 0.
func (s *sender) printFailure(w io.Writer, line int, request []byte, f *failure) error {
	v := failureJSON{Line: line, Server: strings.Join(s.flags.servers, ","), Error: f.json, Message: f.what}
	v.Request, v.RequestBase64 = textOrBytes(request)
	if f.op != nil {
		v.Elapsed, v.Attempts = millis(f.op.Elapsed), f.op.Attempts
	}
	if _, err := w.Write(marshal(v)); err != nil {
		return outputFailure(err)
	}
	return nil
}

// jsonAnswer returns the JSON object of a response, followed by a newline. line is the number of the
// message's line, or 0.
func jsonAnswer(line int, server string, request []byte, resp *ohce.Response) []byte {
	v := answerJSON{
		Line: line, Server: server, Attempts: resp.Attempts, RTT: millis(resp.RTT), Elapsed: millis(resp.Elapsed),
	}
	v.Request, v.RequestBase64 = textOrBytes(request)
	v.Response, v.ResponseBase64 = textOrBytes(resp.Data)
	return marshal(v)
}

func marshal(v any) []byte {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err) // impossible: strings and numbers only
	}
	return append(safetext.JSON(line), '\n')
}

// textOrBytes returns b as text if it is UTF-8, otherwise as bytes.
func textOrBytes(b []byte) (text *string, raw []byte) {
	if !utf8.Valid(b) {
		return nil, b
	}
	s := string(b)
	return &s, nil
}

// millis returns d in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Round(time.Microsecond).Microseconds()) / 1000 }

// A pingJSON is the result of a request as ohce ping --json prints it.
type pingJSON struct {
	Number         int     `json:"number"`
	Server         string  `json:"server"`
	Result         string  `json:"result"`
	RTT            float64 `json:"rtt_ms,omitempty"`
	Response       *string `json:"response,omitempty"`
	ResponseBase64 []byte  `json:"response_base64,omitempty"`
	Error          string  `json:"error,omitempty"`
}

// jsonPing returns the JSON object of a request of ohce ping, followed by a newline.
func jsonPing(server string, s measure.Sample) []byte {
	v := pingJSON{Number: s.Number, Server: server, Result: s.Class.String(), RTT: millis(s.RTT)}
	if s.Response != nil {
		v.Response, v.ResponseBase64 = textOrBytes(s.Response)
	}
	switch {
	case s.Class == measure.Lost:
		v.Error = "no response in time"
	case s.Err != nil:
		v.Error = rootCause(s.Err).Error()
	}
	return marshal(v)
}
