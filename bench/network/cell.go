// Package network measures how the client comes through bad networks, and reports it.
//
// The networks are the models of package link, in memory and in fake time: what is measured is what the
// client decides, not how quick this machine is. Fake time belongs to tests, so a test makes the report:
//
//	make network EXCHANGES=10000
package network

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link"
)

// budget is the time in which an exchange is to be answered.
const budget = 1500 * time.Millisecond

// What the cells of the matrix combine.
var (
	losses      = []float64{0, 0.01, 0.05, 0.1, 0.3, 0.5} // each way
	roundTrips  = []time.Duration{1 * ms, 20 * ms, 150 * ms, 400 * ms}
	duplicates  = []float64{0, 0.1}
	reorders    = []bool{false, true}
	corruptions = []float64{0, 0.01}
)

const ms = time.Millisecond

// concurrency is how many exchanges are under way at once on real sockets.
const concurrency = 100

// A cell is one network.
type cell struct {
	loss      float64 // each way, as all of them
	trip      time.Duration
	duplicate float64
	reorder   bool
	corrupt   float64
}

// cells are all of the matrix, the plain ones first.
func cells() (all []cell) {
	for _, duplicate := range duplicates {
		for _, reorder := range reorders {
			for _, corrupt := range corruptions {
				for _, trip := range roundTrips {
					for _, loss := range losses {
						all = append(all, cell{loss, trip, duplicate, reorder, corrupt})
					}
				}
			}
		}
	}
	return all
}

func (c cell) String() string {
	return fmt.Sprintf("loss %g, trip %v, doubled %g, reordered %v, damaged %g", c.loss, c.trip, c.duplicate,
		c.reorder, c.corrupt)
}

// plain reports whether the cell has nothing but loss and delay.
func (c cell) plain() bool { return c.duplicate == 0 && !c.reorder && c.corrupt == 0 }

// jitterShare is the jitter of a cell that reorders, as a share of each way's delay: the longest round
// trip is a quarter longer, so that what the last attempt of the linear schedule brings still counts.
const jitterShare = 0.25

// model is the cell as a link.
func (c cell) model(seed uint64) *link.Link {
	impairment := link.Impairment{
		Loss: link.RandomLoss(c.loss), Duplicate: c.duplicate, Corrupt: c.corrupt,
		Delay: link.Delay{Base: c.trip / 2},
	}
	if c.reorder {
		impairment.Delay.Jitter = time.Duration(jitterShare * float64(impairment.Delay.Base))
	}
	return &link.Link{Seed: seed, Up: impairment, Down: impairment}
}

// unanswered is the probability that none of n attempts is answered. A request and its answer arrive
// each with the probability a = (1 − loss)(1 − corrupt), for what is damaged is as good as lost. A request
// that arrives twice is answered twice. A doubled answer is damaged or not as one.
func (c cell) unanswered(n int) float64 {
	a := (1 - c.loss) * (1 - c.corrupt)
	one := a * ((1-c.duplicate)*a + c.duplicate*(1-(1-a)*(1-a)))
	return math.Pow(1-one, float64(n))
}

// A retry is a way to send again.
type retry struct {
	name  string
	retry ohce.Retry
}

var (
	linear   = retry{"linear", ohce.LinearRetry()}
	adaptive = retry{"adaptive", ohce.AdaptiveRetry(budget)}
)

// An outcome is what a client did in a cell.
type outcome struct {
	exchanges, wrong int
	sent             uint64
	elapsed          []time.Duration // of those that were answered
}

// unansweredShare is the share that was not answered in time.
func (o *outcome) unansweredShare() float64 {
	return float64(o.exchanges-len(o.elapsed)) / float64(o.exchanges)
}

// datagrams is how many were sent for an exchange.
func (o *outcome) datagrams() float64 { return float64(o.sent) / float64(o.exchanges) }

// quantile is the time within which a share of all exchanges is answered, where those that are not take
// for ever; false if that share never is.
func (o *outcome) quantile(share float64) (time.Duration, bool) {
	at := int(math.Ceil(share*float64(o.exchanges))) - 1
	if at >= len(o.elapsed) {
		return 0, false
	}
	took := slices.Clone(o.elapsed)
	slices.Sort(took)
	return took[at], true
}

// A result is a cell with what both clients did in it.
type result struct {
	cell
	linear, adaptive outcome
}
