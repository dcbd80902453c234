package cli

import (
	"fmt"
	"io"

	"github.com/ohce/ohce/measure"
)

// A loadProgress shows the latest interval of a load on a terminal, in one line that it overwrites.
// A nil loadProgress shows nothing.
type loadProgress struct{ w io.Writer }

// newProgress returns a loadProgress on standard error, or nil if standard error is not a terminal.
func (l *loader) newProgress() *loadProgress {
	if !isTerminal(l.app.err) || !l.app.styleFor(l.app.err).on {
		return nil
	}
	return &loadProgress{l.app.err}
}

func (p *loadProgress) show(i measure.Interval) {
	if p == nil {
		return
	}
	fmt.Fprintf(p.w, "\r%v: %s\x1b[K", i.Begin, intervalText(i))
}

// intervalText describes an interval.
func intervalText(i measure.Interval) string {
	text := fmt.Sprintf("%d asked, %d sent, %d answered, %d lost, p50 %s, p99 %s", i.Asked, i.Sent, i.Answered,
		i.Lost, inMillis(i.Latency.Median), inMillis(i.Latency.P99))
	if own := i.Own.Missed + i.Own.Refused + i.Own.Overflow; own > 0 {
		text += fmt.Sprintf(", %d own failures", own)
	}
	return text
}

// stop erases the line.
func (p *loadProgress) stop() {
	if p != nil {
		io.WriteString(p.w, "\r\x1b[K")
	}
}
