package dashboard

import (
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/ohce/ohce/internal/safetext"
)

// An exchangeFigure is a sampled exchange as the page gets it.
type exchangeFigure struct {
	Time     int64          `json:"time"` // Unix time in milliseconds
	Client   netip.AddrPort `json:"client"`
	Request  int            `json:"request"`  // bytes
	Response int            `json:"response"` // bytes
	Answered bool           `json:"answered"`
	Duration time.Duration  `json:"duration"` // of the handler, in nanoseconds

	RequestText  *string `json:"request_text,omitempty"` // nil without Sampler.Texts
	ResponseText *string `json:"response_text,omitempty"`
}

// exchanges returns the last exchanges, the latest first. The caller holds s.mu.
func (s *Sampler) exchanges() []exchangeFigure {
	all := []exchangeFigure{}
	for i := s.next - 1; i >= max(0, s.next-maxExchanges); i-- {
		e := &s.recent[i%maxExchanges]
		f := exchangeFigure{
			Time: e.at.UnixMilli(), Client: e.client, Request: e.request, Response: e.response,
			Answered: e.answered, Duration: e.duration,
		}
		if s.Texts {
			f.RequestText = beginning(e.requestText[:], e.request)
			f.ResponseText = beginning(e.responseText[:], e.response)
		}
		all = append(all, f)
	}
	return all
}

// beginning returns the text of a datagram of n bytes that begins with buf, escaped.
func beginning(buf []byte, n int) *string {
	text := buf[:min(n, len(buf))]
	if n > len(buf) {
		text = withoutPart(text)
	}
	s := string(safetext.Append(nil, text))
	if n > len(buf) {
		s += "…"
	}
	return &s
}

// withoutPart removes the beginning of a character from the end of a text that was cut.
func withoutPart(text []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if last := text[len(text)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}
