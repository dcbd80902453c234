package cli

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce"
)

// An answerJSON is a response as --json prints it. Bytes that are not UTF-8 are encoded in base64,
// in the fields with that suffix.
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

// An unansweredJSON is a message without a response, as --json prints it.
type unansweredJSON struct {
	Server        string  `json:"server"`
	Request       *string `json:"request,omitempty"`
	RequestBase64 []byte  `json:"request_base64,omitempty"`
	Error         string  `json:"error"`
}

// jsonUnanswered returns the JSON object of a message without a response, followed by a newline.
func jsonUnanswered(server string, request []byte, why string) []byte {
	v := unansweredJSON{Server: server, Error: why}
	v.Request, v.RequestBase64 = textOrBytes(request)
	return marshal(v)
}

// jsonAnswer returns the JSON object of a response, followed by a newline.
func jsonAnswer(server string, request []byte, resp *ohce.Response) []byte {
	v := answerJSON{
		Server: server, Attempts: resp.Attempts, RTT: millis(resp.RTT), Elapsed: millis(resp.Elapsed),
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
	return append(line, '\n')
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
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
