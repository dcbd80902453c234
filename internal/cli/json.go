package cli

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce"
)

// An answerJSON is one answer as --json prints it. Text that is not UTF-8 stands in base64, in the
// fields of that name.
type answerJSON struct {
	Server         string  `json:"server"`
	Request        *string `json:"request,omitempty"`
	RequestBase64  []byte  `json:"request_base64,omitempty"`
	Response       *string `json:"response,omitempty"`
	ResponseBase64 []byte  `json:"response_base64,omitempty"`
	RTT            float64 `json:"rtt_ms"`
	Elapsed        float64 `json:"elapsed_ms"`
	Attempts       int     `json:"attempts"`
}

// A missedJSON is a message without an answer, as --json prints it.
type missedJSON struct {
	Server        string  `json:"server"`
	Request       *string `json:"request,omitempty"`
	RequestBase64 []byte  `json:"request_base64,omitempty"`
	Error         string  `json:"error"`
}

// jsonMissed is the object for a message without an answer, with a newline.
func jsonMissed(server string, request []byte, why string) []byte {
	v := missedJSON{Server: server, Error: why}
	v.Request, v.RequestBase64 = text(request)
	return marshal(v)
}

// jsonLine is the object for an answer, with a newline.
func jsonLine(server string, request []byte, resp *ohce.Response) []byte {
	v := answerJSON{
		Server: server, Attempts: resp.Attempts, RTT: millis(resp.RTT), Elapsed: millis(resp.Elapsed),
	}
	v.Request, v.RequestBase64 = text(request)
	v.Response, v.ResponseBase64 = text(resp.Data)
	return marshal(v)
}

func marshal(v any) []byte {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers: cannot be
	}
	return append(line, '\n')
}

func text(b []byte) (*string, []byte) {
	if !utf8.Valid(b) {
		return nil, b
	}
	s := string(b)
	return &s, nil
}

// millis is d in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
