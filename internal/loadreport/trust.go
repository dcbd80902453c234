package loadreport

import (
	"fmt"

	"github.com/ohce/ohce/measure"
)

// Doubts returns a sentence for each kind of own failure of a run: which share of the due requests
// it concerns, and by how much. It is empty if there were none.
func Doubts(r *measure.Report) (all []string) {
	if n := r.Own.Missed; n > 0 {
		all = append(all, fmt.Sprintf("This machine sent %s of %s more than 1 ms late or "+
			"not at all. The delay was %s at the median, %s at p99, and %s at most.", percent(n, r.Asked), due(r.Asked),
			duration(r.Lag.Median), duration(r.Lag.P99), duration(r.Lag.Max)))
	}
	if n := r.Own.Refused; n > 0 {
		all = append(all, fmt.Sprintf("This machine did not send %s of %s: the system refused them, or too many "+
			"requests were in flight.", percent(n, r.Asked), due(r.Asked)))
	}
	if n := r.Own.Overflow; n > 0 {
		all = append(all, fmt.Sprintf("The system dropped %s because a receive buffer was full "+
			"(%s of %s).", plural(n, "response"), percent(n, r.Asked), due(r.Asked)))
	}
	if len(all) == 0 && !r.Trustworthy {
		all = append(all, "System calls failed, or this machine dropped responses in another way.")
	}
	return all
}

// trust returns the sentence on whether the figures are trustworthy.
func trust(r *measure.Report) string {
	switch {
	case r.Asked == 0:
		return "There are no figures: no request was due."
	case !r.Trustworthy:
		return "The figures are not trustworthy: they describe this machine rather than the server."
	case len(Doubts(r)) > 0:
		return "The figures are trustworthy: this machine failed in at most 0.1 % of the due requests."
	default:
		return "The figures are trustworthy: this machine sent " + due(r.Asked) +
			" on time and dropped no response."
	}
}

// notes returns further sentences that a reader of the figures needs.
func notes(r *measure.Report) (all []string) {
	if closed(r) {
		all = append(all, "The load was a closed loop: a request waited for an earlier response, so the "+
			"figures hide stalls of the server.")
	}
	if r.InFlight > 0 {
		all = append(all, fmt.Sprintf("The run was interrupted: %s had not ended.",
			plural(r.InFlight, "request")))
	}
	if d := r.ByDirection; d != nil && d.ServerOverflow > 0 && d.RequestsLost > 0 {
		all = append(all, "The system of the server counts the packets that it drops, and a packet can "+
			"hold several requests (--segments, GRO). It may have dropped some of the requests lost on the "+
			"way.")
	}
	return all
}

// closed reports whether the run was a closed loop. A run with fewer than two requests has no
// rates.
func closed(r *measure.Report) bool { return r.AskedRate == 0 && r.SentRate > 0 }

// due names the due requests.
func due(n int) string {
	if n == 1 {
		return "the due request"
	}
	return "the " + count(n) + " due requests"
}
