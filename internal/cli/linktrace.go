package cli

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/link/relay"
)

// traceTime is the format of the time of a line.
const traceTime = "15:04:05.000000"

// traceLink prints a line for a datagram of a link. It does not block.
func (a *app) traceLink(name string, e relay.Event) {
	direction := "down"
	if e.Up {
		direction = "up"
	}
	fmt.Fprintf(a.log, "%s %s %-4s %v %s, %s\n", e.Time.Format(traceTime), name, direction, e.Client,
		plural(len(e.Data), "byte"), fate(e))
}

// fate describes what the link does with a datagram.
func fate(e relay.Event) string {
	if len(e.Arrivals) == 0 {
		return "lost"
	}
	var all []string
	for i, a := range e.Arrivals {
		text := "passed"
		if a.After > 0 {
			text = fmt.Sprintf("after %v", a.After.Round(time.Microsecond))
		}
		if i > 0 {
			text = "copy " + text
		}
		if len(a.Data) < len(e.Data) {
			text += fmt.Sprintf(", cut to %s", plural(len(a.Data), "byte"))
		}
		if !bytes.HasPrefix(e.Data, a.Data) {
			text += ", corrupted"
		}
		if a.Rebind {
			text += ", from a new port"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// printChange prints a change of a link that the API has made. It does not block.
func (a *app) printChange(action string, s *linkapi.Status) {
	text := fmt.Sprintf("%s %s: %s\n", time.Now().Format(traceTime), s.Name, action)
	if action != "removed" {
		var b bytes.Buffer
		printImpairments(&b, s)
		text += b.String()
	}
	fmt.Fprint(a.log, text)
}
