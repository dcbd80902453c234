package cli

import (
	"strings"

	"github.com/ohce/ohce/measure"
)

// signs are the characters that stand for results. They differ without colour, too.
var signs = [...]struct {
	sign string
	name string
	mark func(style, string) string
}{
	measure.Answered:    {".", "answered", style.green},
	measure.Lost:        {"X", "lost", style.red},
	measure.Wrong:       {"W", "wrong", style.yellow},
	measure.Refused:     {"R", "refused", style.red},
	measure.Unreachable: {"U", "unreachable", style.yellow},
	measure.Unsent:      {"N", "not sent", style.faint},
}

// maxRecent is the number of results that a strip keeps.
const maxRecent = 2048

// A strip holds the last results of a measurement, oldest first. The zero value is empty.
type strip struct{ recent []measure.Class }

// add adds a result.
func (s *strip) add(class measure.Class) {
	if len(s.recent) == 2*maxRecent { // seldom, so that an addition costs little on average
		s.recent = s.recent[:copy(s.recent, s.recent[maxRecent:])]
	}
	s.recent = append(s.recent, class)
}

// draw draws the last results as signs, in at most rows lines of width columns. The latest is at the
// end of the last line.
func (s *strip) draw(width, rows int, st style) (lines []string) {
	if width <= 0 || rows <= 0 {
		return nil
	}
	last := s.recent[max(len(s.recent)-width*rows, 0):]
	for len(last) > 0 {
		n := min(width, len(last))
		lines = append(lines, drawSigns(last[:n], st))
		last = last[n:]
	}
	return lines
}

// drawSigns draws results as signs. Equal ones in a row share their colour.
func drawSigns(classes []measure.Class, st style) string {
	var line strings.Builder
	for begin := 0; begin < len(classes); {
		end := begin + 1
		for end < len(classes) && classes[end] == classes[begin] {
			end++
		}
		s := signs[classes[begin]]
		line.WriteString(s.mark(st, strings.Repeat(s.sign, end-begin)))
		begin = end
	}
	return line.String()
}

// stripLegend explains the signs in lines of at most width columns.
func stripLegend(width int) []string {
	var all []string
	for _, s := range signs {
		all = append(all, s.sign+" "+s.name)
	}
	return wrap(strings.Join(all, "  "), "  ", width)
}
