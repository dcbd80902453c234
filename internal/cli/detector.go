package cli

import (
	"bytes"
	"math/bits"

	"github.com/ohce/ohce/flip"
)

const (
	// firstUndecided is the number of lines in flight before a detector has seen a response.
	firstUndecided = 16
	// evidenceFactor is the factor by which a wrong decision raises the number of responses that
	// the next decision needs.
	evidenceFactor = 8
)

// A detector finds the transform that a server applies, from its responses. It has decided when
// exactly one transform fits all responses since the detection began. A response that contradicts the
// decision restarts the detection.
type detector struct {
	transforms []flip.Transform
	all        uint // a bit for each transform

	remaining uint // the transforms that fit all responses since the detection began
	evidence  int  // the number of those responses that rule out a transform
	needed    int  // the evidence that a decision needs
	settled   int  // lines that have ended since the detection began or since doubt was called
	decided   bool // remaining has one bit, which is the decision
	doubted   bool // the decision must not be used until a response confirms it

	previous flip.Transform // the latest decision that a response contradicted
}

// newDetector returns a detector for all transforms. With graphemes, they keep grapheme clusters.
func newDetector(graphemes bool) *detector {
	d := &detector{needed: 1}
	for _, name := range flip.Names() {
		t, err := flip.Parse(name)
		if err != nil {
			panic(err) // impossible: the names are those of package flip
		}
		t.Graphemes = graphemes
		d.transforms = append(d.transforms, t)
	}
	d.all = 1<<len(d.transforms) - 1
	d.remaining = d.all
	return d
}

// expected returns the transform that the detector has decided on. It returns false if there is no
// decision, or if the decision is in doubt.
func (d *detector) expected() (flip.Transform, bool) {
	if !d.decided || d.doubted {
		return flip.Transform{}, false
	}
	return d.decision(), true
}

func (d *detector) decision() flip.Transform {
	return d.transforms[bits.TrailingZeros(d.remaining)]
}

// observe compares a response with the transforms. It returns false if the response contradicts the
// decision.
func (d *detector) observe(request, response []byte) bool {
	fits := d.fitting(request, response)
	d.settled++
	if d.decided && fits&d.remaining != 0 {
		if fits == d.remaining { // no other transform gives this response
			d.doubted = false
		}
		return true
	}
	contradicted := d.decided
	if contradicted {
		d.restart()
	}
	d.narrow(fits)
	return !contradicted
}

// restart restarts the detection after a wrong decision.
func (d *detector) restart() {
	d.previous = d.decision()
	d.decided, d.doubted = false, false
	d.remaining, d.evidence, d.settled = d.all, 0, 0
	d.needed *= evidenceFactor
}

// narrow removes the transforms that do not fit a response.
func (d *detector) narrow(fits uint) {
	if d.remaining &= fits; d.remaining == 0 {
		d.evidence = 0
		d.remaining = fits
	}
	switch fits {
	case 0:
		d.remaining = d.all
	case d.all:
	default:
		d.evidence++
	}
	d.decided = bits.OnesCount(d.remaining) == 1 && d.evidence >= d.needed
}

// fitting returns the transforms that give response for request.
func (d *detector) fitting(request, response []byte) (fits uint) {
	var text []byte
	for i, t := range d.transforms {
		if text = t.Append(text[:0], request); bytes.Equal(text, response) {
			fits |= 1 << i
		}
	}
	return fits
}

// skip counts a line that ended without a response, or whose response is no evidence.
func (d *detector) skip() { d.settled++ }

// doubt suspends the decision until a response confirms it.
func (d *detector) doubt() { d.doubted, d.settled = true, 0 }

// maxUndecided returns the number of lines that may be in flight without an expectation. It grows
// with the number of lines that have ended, because the detector never decides if no transform fits.
func (d *detector) maxUndecided() int { return firstUndecided + 2*d.settled }

// decides reports whether the response to a request distinguishes the decision from another transform.
func (d *detector) decides(request []byte) bool {
	expected := d.decision().Append(nil, request)
	return d.fitting(request, expected) != d.all
}
