package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/internal/safetext"
	"github.com/ohce/ohce/link/relay"
)

// printTitle prints the name and the addresses of a link.
func printTitle(w io.Writer, s *linkapi.Status) {
	fmt.Fprintf(w, "%s: listening on %s, forwarding to %s (random seed %d)\n",
		safetext.Escape(s.Name), safetext.Escape(s.Listen), safetext.Escape(s.To), s.Seed)
}

// printImpairments prints the impairments of a link.
func printImpairments(w io.Writer, s *linkapi.Status) {
	fmt.Fprintf(w, "  up: %v\n  down: %v\n", s.Up, s.Down)
	for _, p := range s.Schedule {
		fmt.Fprintf(w, "  from %v on, up: %v\n  from %v on, down: %v\n", p.At, p.Up, p.At, p.Down)
	}
}

// printStats prints the counters of a link.
func printStats(w io.Writer, s *relay.Stats) {
	printCounters(w, "up", s.Up.All(), "received", "sent")
	printCounters(w, "down", s.Down.All(), "received", "sent")
	printCounters(w, "mappings", s.All(), "opened", "expired")
}

// hiddenCounters are left out of the summary, because they follow from the others.
var hiddenCounters = []string{"seen", "delivered", "mappings"}

// counterText has the texts of counters whose names are not clear by themselves.
var counterText = map[string]string{
	"black_holed":    "black-holed",
	"too_long":       "longer than the MTU",
	"overflow":       "dropped by the full queue",
	"buffer_full":    "dropped by the full buffer",
	"unsent":         "refused by the kernel",
	"kernel_dropped": "dropped by the kernel",
	"no_mapping":     "requests without a port",
	"evicted":        "closed for new clients",
	"address_limit":  "over the limit of an address",
	"port_limit":     "over the limit of new ports",
	"loop":           "in a loop",
}

// printCounters prints a line of counters: first those that are named, then the others that are not
// 0.
func printCounters(w io.Writer, title string, all iter.Seq2[string, uint64], first ...string) {
	var head, tail []string
	for name, n := range all {
		text := cmp.Or(counterText[name], strings.ReplaceAll(name, "_", " "))
		text = fmt.Sprintf("%s %d", text, n)
		switch {
		case slices.Contains(first, name):
			head = append(head, text)
		case n > 0 && !slices.Contains(hiddenCounters, name):
			tail = append(tail, text)
		}
	}
	fmt.Fprintf(w, "%s: %s\n", title, strings.Join(append(head, tail...), ", "))
}

// printCtl prints a link after a change.
func (a *app) printCtl(f *ctlFlags, s *linkapi.Status, err error) error {
	switch {
	case err != nil:
		return err
	case f.json:
		return printJSON(a.out, s)
	}
	printLink(a.out, s)
	return nil
}

func printLink(w io.Writer, s *linkapi.Status) {
	printTitle(w, s)
	if s.Error != "" {
		fmt.Fprintf(w, "  failed: %s\n", safetext.Escape(s.Error))
	}
	printImpairments(w, s)
}

// printJSON prints v. It escapes the characters that a terminal does not print.
func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return outputFailure(err)
	}
	if _, err := w.Write(safetext.JSON(b.Bytes())); err != nil {
		return outputFailure(err)
	}
	return nil
}
