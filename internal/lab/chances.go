package lab

import (
	"fmt"
	"strconv"
	"strings"
)

// chances describes the odds.
func (e *explainer) chances(o *Odds) string {
	switch {
	case !e.settings.Server:
		return "Without a server, no attempt can succeed."
	case e.settings.Loss == 100:
		return "Everything is lost, so no attempt can succeed."
	}
	text := ""
	success := float64(100-e.settings.Loss) / 100
	switch {
	case e.settings.Loss == 0:
		text = "Nothing is lost, so each attempt gets a response. "
	case e.settings.Duplicate == 0:
		text = fmt.Sprintf("An attempt succeeds if both its datagrams arrive: %.2f × %.2f = "+
			"%s. ", success, success,
			percent(o.Attempt))
	default:
		text = fmt.Sprintf("An attempt succeeds if its request and at least one response "+
			"arrive: %s. ", percent(o.Attempt))
	}
	switch {
	case o.InTime == 0:
		text += "No attempt is early enough for its response to arrive before the client gives " +
			"up. "
	case o.InTime < o.Attempts:
		text += fmt.Sprintf("The last response that can arrive in time is that to attempt %d "+
			"of %d. ", o.InTime, o.Attempts)
	}
	if e.settings.Loss > 0 && o.InTime > 1 {
		text += fmt.Sprintf("All %d attempts fail with probability %.2f%s = "+
			"%s. ", o.InTime, 1-o.Attempt,
			superscript(o.InTime), percent(o.Down))
	}
	return text + fmt.Sprintf("Of %d exchanges with other seeds, %d are answered, with %.1f "+
		"attempts on average.",
		o.Seeds, o.Answered, o.Datagrams)
}

// percent formats a share with three significant digits.
func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// superscript writes a number as an exponent.
func superscript(n int) string {
	digits := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	var b strings.Builder
	for _, d := range strconv.Itoa(n) {
		b.WriteRune(digits[d-'0'])
	}
	return b.String()
}
